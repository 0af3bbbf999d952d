import { systemClock } from "../../shared/clock.ts";
import { messageOf } from "../../shared/errors.ts";
import type { Logger } from "../../shared/log.ts";
import { proxyFor } from "../../shared/net/proxy.ts";
import { AgentStreamRequest } from "../../shared/protocol/tunnel.ts";
import { AGENT_BASE_PATH, AGENT_PROTOCOL, AGENT_PROTOCOL_HEADER } from "../../shared/protocol/version.ts";
import { Dialler, tunnelUrl } from "../../shared/tunnel/dialler.ts";
import type { IncomingStream } from "../../shared/tunnel/mux.ts";
import { WindowBudget } from "../../shared/tunnel/receiveWindow.ts";
import type { AttachedJob } from "../jobs/runningJobs.ts";
import type { LinkOptions } from "../link/client.ts";
import { answerSsh } from "./answerSsh.ts";
import { pipeToPort } from "./pipeToPort.ts";

export interface AgentTunnelDeps {
  link: LinkOptions;
  /** Where its proxies are. */
  env: Readonly<Record<string, string | undefined>>;
  log: Logger;
  /** Undefined: it does not run here. */
  jobOf: (submissionId: string) => AttachedJob | undefined;
}

const RESUME_MS = 60_000;
/** For windows beyond the first, of all streams. */
const BUDGET_BYTES = 64 * 1024 * 1024;

/** The agent's tunnel to the coordinator: there while it is wanted or used (docs/protocol/tunnel.md). */
export class AgentTunnel implements Disposable {
  readonly #deps: AgentTunnelDeps;
  readonly #budget = new WindowBudget(BUDGET_BYTES);
  #dialler: Dialler | undefined;
  #isWanted = false;

  constructor(deps: AgentTunnelDeps) {
    this.#deps = deps;
  }

  /** What the coordinator's last answer said. */
  wanted(isWanted: boolean): void {
    this.#isWanted = isWanted;
    // The coordinator has just answered: a connection that is waited for need not wait longer.
    if (isWanted && this.#dialler) this.#dialler.hurry();
    else if (isWanted) this.#dial();
    else if (this.#dialler?.mux.size === 0) this.#dialler[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    this.#isWanted = false;
    this.#dialler?.[Symbol.dispose]();
  }

  #dial(): void {
    const { link, log, env } = this.#deps;
    const dialler = new Dialler({
      way: () => ({ tls: link.tls?.(), proxy: proxyFor(link.url, env) }),
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
        this.#dialler = undefined;
        // It was of a coordinator that is no more, while the present one waits for another.
        if (this.#isWanted) this.#dial();
      },
    });
    this.#dialler = dialler;
  }

  #take(incoming: IncomingStream, request: unknown): void {
    const { log, jobOf } = this.#deps;
    const { stream } = incoming;
    const asked = AgentStreamRequest.safeParse(request);
    if (!asked.success) {
      stream.reset({ code: "unavailable", message: "The agent on this host is too old for this" });
      return;
    }
    const { submission_id: submissionId, to } = asked.data;
    const job = jobOf(submissionId);
    if (!job) {
      stream.reset({ code: "not_found", message: "The job does not run on this host" });
      return;
    }
    const network = { pid: job.account.pid, isOwn: job.account.hasNetwork };
    const answered =
      to.kind === "ssh"
        ? answerSsh(incoming, {
            ...to,
            job,
            budget: this.#budget,
            log: log.child({ submission_id: submissionId }),
          })
        : pipeToPort(incoming, { network, port: to.port, budget: this.#budget, use: job.use });
    answered.catch((err: unknown) => {
      log.error("A stream to a job failed", { submission_id: submissionId, to: to.kind, err });
      stream.reset({ code: "unavailable", message: messageOf(err) });
    });
  }
}
