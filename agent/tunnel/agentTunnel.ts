import { systemClock } from "../../shared/clock.ts";
import { messageOf } from "../../shared/errors.ts";
import type { Logger } from "../../shared/log.ts";
import { AgentStreamRequest } from "../../shared/protocol/tunnel.ts";
import { AGENT_BASE_PATH, AGENT_PROTOCOL, AGENT_PROTOCOL_HEADER } from "../../shared/protocol/version.ts";
import { Dialler, tunnelUrl } from "../../shared/tunnel/dialler.ts";
import type { IncomingStream } from "../../shared/tunnel/mux.ts";
import { WindowBudget } from "../../shared/tunnel/receiveWindow.ts";
import type { LinkOptions } from "../link/client.ts";
import { type JobNetwork, pipeToPort } from "./pipeToPort.ts";

export interface AgentTunnelDeps {
  link: LinkOptions;
  log: Logger;
  /** The network of a job that runs; undefined: it does not run here. */
  networkOf: (submissionId: string) => JobNetwork | undefined;
}

const RESUME_MS = 60_000;
/** For windows beyond the first, of all streams. */
const BUDGET_BYTES = 64 * 1024 * 1024;

/** The agent's tunnel to the coordinator: there while it is wanted or used (docs/protocol/tunnel.md). */
export class AgentTunnel implements Disposable {
  readonly #deps: AgentTunnelDeps;
  readonly #budget = new WindowBudget(BUDGET_BYTES);
  #dialler: Dialler | undefined;

  constructor(deps: AgentTunnelDeps) {
    this.#deps = deps;
  }

  /** What the coordinator's last answer said. */
  wanted(isWanted: boolean): void {
    if (isWanted) this.#dialler ??= this.#dial();
    else if (this.#dialler?.mux.size === 0) this.#dialler[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    this.#dialler?.[Symbol.dispose]();
  }

  #dial(): Dialler {
    const { link, log } = this.#deps;
    const dialler = new Dialler({
      url: tunnelUrl(link.url, `${AGENT_BASE_PATH}/tunnel`),
      headers: () => ({
        authorization: `Bearer ${link.token() ?? ""}`,
        [AGENT_PROTOCOL_HEADER]: String(AGENT_PROTOCOL),
      }),
      clock: systemClock,
      resumeMs: RESUME_MS,
      onStream: (incoming, request) => this.#take(incoming, request),
      onChange: (state) => log.debug("The tunnel to the coordinator", { state }),
      onClosed: (reason) => {
        log.debug("The tunnel to the coordinator is closed", { reason });
        if (this.#dialler === dialler) this.#dialler = undefined;
      },
    });
    return dialler;
  }

  #take(incoming: IncomingStream, request: unknown): void {
    const { log, networkOf } = this.#deps;
    const { stream } = incoming;
    const asked = AgentStreamRequest.safeParse(request);
    if (!asked.success) {
      stream.reset({ code: "unavailable", message: "The agent on this host is too old for this" });
      return;
    }
    const { submission_id: submissionId, to } = asked.data;
    const network = networkOf(submissionId);
    if (!network) {
      stream.reset({ code: "not_found", message: "The job does not run on this host" });
      return;
    }
    if (to.kind === "ssh") {
      stream.reset({ code: "unavailable", message: "This agent has no SSH server" });
      return;
    }
    pipeToPort(incoming, { network, port: to.port, budget: this.#budget }).catch((err: unknown) => {
      log.error("A stream to a port failed", { submission_id: submissionId, port: to.port, err });
      stream.reset({ code: "unavailable", message: messageOf(err) });
    });
  }
}
