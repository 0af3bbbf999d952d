import type { AgentStreamRequest, StreamTarget } from "../../../shared/protocol/tunnel.ts";
import { isFinalJob } from "../../../shared/states.ts";
import { type Holder, StreamRefusal } from "../../relay/holder.ts";
import { type Guest, readAsker, type TunnelDeps } from "./asker.ts";
import { findDestination, findJob } from "./findDestination.ts";

/** The rules for one guest, to be asked again whenever what they look at was written. */
export const tunnelHolder = (deps: TunnelDeps, guest: Guest): Holder => ({
  userId: guest.user.id,
  username: guest.user.username,
  project: { id: guest.project.id, name: guest.project.name },
  address: guest.address,
  check: async () => void (await readAsker(deps, guest)),
  find: async (request) => findDestination(deps, await readAsker(deps, guest), request),
  recheck: async ({ instanceId, request }) => {
    const asker = await readAsker(deps, guest);
    const { submission_id, to } = request;
    const { submission } = await findJob(deps, asker, submission_id);
    if (isFinalJob(submission.status)) return "over";
    if (submission.status !== "running") return "stays";
    const now = await findDestination(deps, asker, { submission_id, to: askedFor(to) });
    if (now.instanceId !== instanceId) throw new StreamRefusal("aborted", "The job is on another host");
    const [keys, ports] = [keysIn(now.request.to), portsIn(now.request.to)];
    if (!keysIn(to).every((key) => keys.includes(key)))
      throw new StreamRefusal("aborted", "A key that could log in was revoked");
    if (!portsIn(to).every((port) => ports.includes(port)))
      throw new StreamRefusal("aborted", "The configuration has other ports now");
    return "stays";
  },
});

type Target = AgentStreamRequest["to"];

/** What a client has asked for who was given this. */
const askedFor = (to: Target): StreamTarget =>
  to.kind === "ssh" ? { kind: "ssh", user: to.user } : to.kind === "direct" ? { kind: "direct" } : to;

const keysIn = (to: Target): string[] =>
  to.kind === "ssh" ? to.keys : to.kind === "direct" ? to.login.keys : [];

const portsIn = (to: Target): number[] => (to.kind === "direct" ? to.ports : []);
