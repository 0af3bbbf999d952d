import { LinkQuery } from "../../shared/protocol/tunnel.ts";
import { tunnelHolder } from "../domain/tunnels/tunnelHolder.ts";
import type { UserRow } from "../store/users.ts";
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
    handle: async ({ c, deps, user, project, query }) => {
      const isLetIn = (now: UserRow) => now.token_hash === user.token_hash;
      const address = c.env.peer?.() ?? "unknown";
      const owner = deps.relay.client(tunnelHolder(deps, { user, project, address, isLetIn }), query);
      if (!owner) throw new Refused(plainError(429, "You have too many tunnels open"));
      if (!c.env.upgrade?.(owner)) throw new Refused(plainError(426, "A tunnel is a WebSocket"));
      return new Response(null);
    },
  }),
];
