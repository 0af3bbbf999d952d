import { LinkQuery } from "../../shared/protocol/tunnel.ts";
import { findDestination } from "../domain/tunnels/findDestination.ts";
import { plainError, Refused } from "./errorAnswer.ts";
import { projectRoute, type Route } from "./route.ts";

/** Ours: the way to ports and shells of jobs (docs/protocol/tunnel.md). */
export const tunnelRoutes: Route[] = [
  projectRoute({
    method: "GET",
    path: "/api/project/:project/runs/tunnel",
    summary: "A WebSocket that carries streams to ports and shells of jobs",
    tag: "runs",
    ours: true,
    access: "member",
    query: LinkQuery,
    refusals: [426, 429],
    answer: { media: "application/octet-stream", about: "Nothing: the connection becomes a WebSocket." },
    handle: async ({ c, deps, user, project, role, query }) => {
      const owner = deps.relay.client(user.id, query, (request) =>
        findDestination(deps, { user, project, role }, request),
      );
      if (!owner) throw new Refused(plainError(429, "You have too many tunnels open"));
      if (!c.env.upgrade?.(owner)) throw new Refused(plainError(426, "A tunnel is a WebSocket"));
      return new Response(null);
    },
  }),
];
