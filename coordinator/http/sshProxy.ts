import { GetUpstreamRequest, SshUpstream } from "../../shared/api/server.ts";
import { getUpstream } from "../domain/tunnels/getUpstream.ts";
import { knownHostLine } from "../domain/tunnels/sshAddress.ts";
import { hostOf } from "./hostOf.ts";
import { openRoute, type Route, serviceRoute } from "./route.ts";

export const sshProxyRoutes: Route[] = [
  // Asked by a proxy for SSH that stands before the jobs (docs/spec/http-api.md §2.13).
  serviceRoute({
    path: "/api/sshproxy/get_upstream",
    summary: "How a proxy for SSH reaches a job",
    tag: "server",
    body: GetUpstreamRequest,
    answer: SshUpstream,
    handle: ({ c, deps, body }) => getUpstream(deps, { upstreamId: body.id, reachedBy: hostOf(c) }),
  }),
  openRoute({
    method: "GET",
    path: "/ssh_known_hosts",
    summary: "The host key of the coordinator's SSH, as a line of known_hosts",
    tag: "server",
    ours: true,
    refusals: [404],
    answer: { media: "text/plain", about: "One line, for the address that clients are told." },
    handle: ({ c, deps }) => {
      const line = knownHostLine(deps, hostOf(c));
      return line === undefined ? c.json({ detail: "Not Found" }, 404) : c.text(`${line}\n`);
    },
  }),
];
