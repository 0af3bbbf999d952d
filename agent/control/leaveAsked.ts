import { delay } from "../../shared/async/delay.ts";
import { messageOf } from "../../shared/errors.ts";
import type { Logger } from "../../shared/log.ts";
import type { SyncAnswer } from "../../shared/protocol/sync.ts";

interface LeaveDeps {
  /** How many jobs are here, finished ones included whose output is not all with the coordinator. */
  held: () => number;
  /** No new jobs from now on. */
  drain: () => void;
  leave: (force: boolean) => Promise<unknown>;
  uninstall: () => void;
  log: Logger;
  signal: AbortSignal;
}

const LOOK_MS = 500;

/** The coordinator's wish that this host leaves its fleet: done once, however often it is said. */
export class LeaveAsked {
  readonly #deps: LeaveDeps;
  #force = false;
  #doing: Promise<void> | undefined;

  constructor(deps: LeaveDeps) {
    this.#deps = deps;
  }

  asked({ force, uninstall }: NonNullable<SyncAnswer["leave"]>): void {
    this.#force ||= force;
    this.#doing ??= this.#do(uninstall).finally(() => {
      this.#doing = undefined;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#doing;
  }

  async #do(uninstall: boolean): Promise<void> {
    const { held, drain, leave, log, signal } = this.#deps;
    log.info("This host is to leave its fleet", { uninstall, jobs: held() });
    drain();
    while (!this.#force && held() > 0 && !signal.aborted) await delay(LOOK_MS, signal);
    if (signal.aborted) return;
    try {
      await leave(this.#force);
      if (uninstall) this.#deps.uninstall();
    } catch (err) {
      // The next answer says it again.
      log.warn("This host cannot leave its fleet now", { reason: messageOf(err) });
    }
  }
}
