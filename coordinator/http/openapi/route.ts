import { openRoute, type Route } from "../route.ts";
import { makeOpenApi } from "./document.ts";

/** The description of all routes, itself among them, for whoever writes a client: without a token. */
export const openApiRoute = (routes: () => readonly Route[]): Route => {
  let text: string | undefined;
  return openRoute({
    method: "GET",
    path: "/openapi.json",
    summary: "This description",
    tag: "server",
    ours: true,
    answer: { media: "application/json", about: "OpenAPI 3.1." },
    handle: ({ c }) => {
      // Made when somebody asks, as nobody else needs it.
      text ??= JSON.stringify(makeOpenApi(routes()));
      return c.body(text, 200, {
        "content-type": "application/json",
        "cache-control": "no-cache",
        "access-control-allow-origin": "*",
      });
    },
  });
};
