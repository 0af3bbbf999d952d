import type { Duplex } from "node:stream";
import type { Clock } from "../../shared/clock.ts";
import { carry } from "./carry.ts";
import { nextAction } from "./decide.ts";
import { checkPassword, install } from "./install.ts";
import { logIn } from "./jump.ts";
import { probe } from "./probe.ts";
import { removeSent, SENT_NAME, send } from "./send.ts";
import type { BringIn } from "./target.ts";

interface BringInDeps {
  /** Where the agent's programs are. */
  artifactsDir: string;
  /** install.sh */
  installScript: string;
  clock: Pick<Clock, "now">;
  /** A connection to the coordinator, from its own machine. */
  dial: () => Duplex;
}

/** One login: looks, and then does whatever is next until the agent is there. */
export const createBringIn =
  ({ artifactsDir, installScript, clock, dial }: BringInDeps): BringIn =>
  async (target, { note, signal }) => {
    await using connection = await logIn(target, { note, signal });
    await note({ step: "looking" });
    const { url, env, login, sudoPassword } = target;
    const seen = await probe(connection, { url, env, signal });
    const path = `${seen.home}/${SENT_NAME}`;
    await using undo = new AsyncDisposableStack();
    let isPasswordChecked = false;
    let carried: { url: string } | undefined;
    let sent: { path: string; sum: string } | undefined;
    for (;;) {
      const action = nextAction({
        hostname: login.hostname,
        probe: seen,
        url,
        now: clock.now(),
        hasSudoPassword: sudoPassword !== null,
        isPasswordChecked,
        isSent: sent !== undefined,
        isCarried: carried !== undefined,
      });
      switch (action.do) {
        case "check_password":
          await checkPassword(connection, target, signal);
          isPasswordChecked = true;
          break;
        case "carry": {
          const options = { hostname: login.hostname, port: target.carriedPort, dial };
          const port = await carry(connection, options);
          await note({ carriedPort: port });
          carried = { url: `${new URL(url).protocol}//127.0.0.1:${port}` };
          break;
        }
        case "send":
          await note({ step: "sending" });
          undo.defer(() => removeSent(connection, path));
          sent = { path, sum: await send(connection, { artifactsDir, target: action.target, path, signal }) };
          break;
        case "install": {
          const { sudo, rights } = action;
          await note({ step: "installing", rights });
          await install(connection, {
            target: { ...target, ...carried },
            script: installScript,
            sudo,
            sent,
            signal,
          });
          return;
        }
      }
    }
  };
