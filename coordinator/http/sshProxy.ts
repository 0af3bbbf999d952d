import { GetUpstreamRequest, SshUpstream } from "../../shared/api/server.ts";
import { AppError } from "../../shared/errors.ts";
import { type Route, serviceRoute } from "./route.ts";

/** Asked by a proxy for SSH that stands before the jobs (docs/spec/http-api.md §2.13). */
export const sshProxyRoutes: Route[] = [
  serviceRoute({
    path: "/api/sshproxy/get_upstream",
    summary: "How a proxy for SSH reaches a job",
    tag: "server",
    body: GetUpstreamRequest,
    answer: SshUpstream,
    // Jobs run no SSH server, and nothing relays to hosts that only dial out: none can be reached so.
    handle: async () => {
      throw new AppError("not_found", "Resource not found");
    },
  }),
];
