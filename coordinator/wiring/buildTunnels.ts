import { join } from "node:path";
import type { Clock } from "../../shared/clock.ts";
import type { Logger } from "../../shared/log.ts";
import { hostKeyIn } from "../../shared/ssh/hostKey.ts";
import type { CoordinatorConfig } from "../config.ts";
import { findLogin } from "../domain/tunnels/findLogin.ts";
import { sshHolder } from "../domain/tunnels/sshHolder.ts";
import { TunnelAudit } from "../domain/tunnels/tunnelAudit.ts";
import { watchRights } from "../domain/tunnels/watchRights.ts";
import type { AgentSessions } from "../engine/agentSessions.ts";
import { Relay } from "../relay/relay.ts";
import { SshEndpoint } from "../ssh/sshEndpoint.ts";
import type { State } from "./openState.ts";

interface TunnelSurroundings {
  clock: Clock;
  log: Logger;
  agents: AgentSessions;
  opened: AsyncDisposableStack;
}

/** What leads clients to jobs: the relay, and SSH for those that know no tunnels. */
export const buildTunnels = (
  { db, tell }: State,
  config: CoordinatorConfig,
  { clock, log, agents, opened }: TunnelSurroundings,
) => {
  const audit = new TunnelAudit({ db, tell, clock, log });
  opened.defer(() => audit.close());
  const limits = config.tunnels;
  const relay = new Relay({ clock, log, limits, audit, wake: (instanceId) => agents.wake(instanceId) });
  opened.defer(() => relay.close());
  opened.defer(watchRights(db, relay));
  opened.defer(agents.onForgotten((instanceId) => relay.forget(instanceId)));
  const ssh = opened.use(
    new SshEndpoint({
      hostKey: hostKeyIn(join(config.serverDir, "data")),
      relay,
      clock,
      findLogin: (submissionId) => findLogin({ db }, submissionId),
      holderOf: (entry) => sshHolder({ db }, entry),
      log,
    }),
  );
  return { relay, ssh };
};
