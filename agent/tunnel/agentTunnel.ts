import { systemClock } from "../../shared/clock.ts";
import { messageOf } from "../../shared/errors.ts";
import type { Logger } from "../../shared/log.ts";
import { proxyFor } from "../../shared/net/proxy.ts";
import { AgentStreamRequest } from "../../shared/protocol/tunnel.ts";
import { AGENT_BASE_PATH, AGENT_PROTOCOL, AGENT_PROTOCOL_HEADER } from "../../shared/protocol/version.ts";
import { Dialler, tunnelUrl } from "../../shared/tunnel/dialler.ts";
import type { IncomingStream } from "../../shared/tunnel/mux.ts";
import { WindowBudget } from "../../shared/tunnel/receiveWindow.ts";
import { DirectWay } from "../direct/directWay.ts";
import type { AttachedJob } from "../jobs/runningJobs.ts";
import type { LinkOptions } from "../link/client.ts";
import { serveStream } from "./serveStream.ts";

export interface AgentTunnelDeps {
  link: LinkOptions;
  /** Where its proxies are. */
  env: Readonly<Record<string, string | undefined>>;
  log: Logger;
  /** Undefined: it does not run here. */
  jobOf: (submissionId: string) => AttachedJob | undefined;
  /** Where the host's key for direct connections is. */
  stateDir: string;
  /** The port that clients may reach the host at; 0: any, `off`: none. */
  directPort: number | "off";
}

const RESUME_MS = 60_000;
/** For windows beyond the first, of all streams. */
const BUDGET_BYTES = 64 * 1024 * 1024;

/** The agent's tunnel to the coordinator: there while it is wanted or used (docs/protocol/tunnel.md). */
export class AgentTunnel implements Disposable {
  readonly #deps: AgentTunnelDeps;
  readonly #budget = new WindowBudget(BUDGET_BYTES);
  readonly #direct: DirectWay;
  #dialler: Dialler | undefined;
  #isWanted = false;

  constructor(deps: AgentTunnelDeps) {
    this.#deps = deps;
    const { log, stateDir, directPort: port } = deps;
    this.#direct = new DirectWay({
      clock: systemClock,
      log,
      stateDir,
      port,
      serve: (incoming, submissionId, to) => this.#serve(incoming, { submissionId, to }),
    });
  }

  /** What the coordinator's last answer said. */
  wanted(isWanted: boolean): void {
    this.#isWanted = isWanted;
    this.#direct.heard();
    // The coordinator has just answered: a connection that is waited for need not wait longer.
    if (isWanted && this.#dialler) this.#dialler.hurry();
    else if (isWanted) this.#dial();
    else if (this.#dialler?.mux.size === 0) this.#dialler[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    this.#isWanted = false;
    this.#direct[Symbol.dispose]();
    this.#dialler?.[Symbol.dispose]();
  }

  #dial(): void {
    const { link, log, env } = this.#deps;
    const dialler: Dialler = new Dialler({
      way: () => ({ tls: link.tls?.(), proxy: proxyFor(link.url, env) }),
      url: tunnelUrl(link.url, `${AGENT_BASE_PATH}/tunnel`),
      headers: () => ({
        authorization: `Bearer ${link.token() ?? ""}`,
        [AGENT_PROTOCOL_HEADER]: String(AGENT_PROTOCOL),
      }),
      clock: systemClock,
      resumeMs: RESUME_MS,
      onStream: (incoming, request) =>
        this.#take(incoming, { request, isLinkLost: () => dialler.mux.isClosed }),
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

  #take(
    incoming: IncomingStream,
    { request, isLinkLost }: { request: unknown; isLinkLost: () => boolean },
  ): void {
    const { stream } = incoming;
    const asked = AgentStreamRequest.safeParse(request);
    if (!asked.success) {
      stream.reset({ code: "unavailable", message: "The agent on this host is too old for this" });
      return;
    }
    const { submission_id: submissionId, to, share = "" } = asked.data;
    incoming.stream.share = share;
    this.#serve(incoming, { submissionId, to, isLinkLost });
  }

  #serve(incoming: IncomingStream, { submissionId, to, isLinkLost = () => false }: Asked): void {
    const { stream } = incoming;
    const job = this.#deps.jobOf(submissionId);
    if (!job) {
      stream.reset({ code: "not_found", message: "The job does not run on this host" });
      return;
    }
    const log = this.#deps.log.child({ submission_id: submissionId });
    const served =
      to.kind === "direct"
        ? this.#direct.offer(incoming, { job, submissionId, to, isLinkLost })
        : serveStream(incoming, to, { job, budget: this.#budget, log });
    served.catch((err: unknown) => {
      log.error("A stream to a job failed", { to: to.kind, err });
      stream.reset({ code: "unavailable", message: messageOf(err) });
    });
  }
}

interface Asked {
  submissionId: string;
  to: AgentStreamRequest["to"];
  /** Whether the link that it came over is no more. */
  isLinkLost?: () => boolean;
}
