import { VERSION } from "../../shared/version.ts";
import { openRoute, type Route } from "./route.ts";

const PAGE = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>dstack coordinator</title>
<h1>dstack coordinator ${VERSION}</h1>
<p>This is where the command line and the hosts go: <code>dstack project add --name main --url …this address… --token …</code></p>
<ul>
<li><a href="/openapi.json">The API</a>, as an OpenAPI document</li>
<li><a href="/healthcheck">Whether it answers</a></li>
</ul>
</html>
`;

const page = (path: "/" | "/api/docs"): Route =>
  openRoute({
    method: "GET",
    path,
    summary: "A page for whoever comes with a browser",
    tag: "server",
    answer: { media: "text/html", about: "Where to go on." },
    handle: () => new Response(PAGE, { headers: { "content-type": "text/html; charset=utf-8" } }),
  });

/** Clients that log in look at the first one to see whether a server is there; the other is where the reference's API is told. */
export const welcomeRoutes: Route[] = [page("/"), page("/api/docs")];
