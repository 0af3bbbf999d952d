import { fileSchema, isFileKind } from "../../shared/config/schemas.ts";
import { openRoute, type Route } from "./route.ts";

/** JSON Schema of configurations, for editors: they have no token, and nothing in it is secret. */
export const schemaRoutes: Route[] = [
  openRoute({
    method: "GET",
    path: "/schema/:file",
    summary: "JSON Schema of a configuration, for editors",
    tag: "server",
    ours: true,
    refusals: [404],
    answer: { media: "application/schema+json", about: "JSON Schema, draft 7." },
    handle: ({ c }) => {
      const name = /^(.+)\.json$/.exec(c.req.param("file") ?? "")?.[1] ?? "";
      if (!isFileKind(name)) return c.json({ detail: "Not Found" }, 404);
      return c.body(JSON.stringify(fileSchema(name)), 200, {
        "content-type": "application/schema+json",
        "cache-control": "no-cache",
        "access-control-allow-origin": "*",
      });
    },
  }),
];
