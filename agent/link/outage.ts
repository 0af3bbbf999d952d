import { AppError, messageOf } from "../../shared/errors.ts";
import type { LogFields, Logger } from "../../shared/log.ts";

/** For a log: what failed, and what to do about it. */
export const whyOf = (err: unknown): { reason: string; hint?: string } => ({
  reason: messageOf(err),
  ...(err instanceof AppError && err.hint !== undefined ? { hint: err.hint } : {}),
});

/** Says that something fails once, however often it fails in a row: an outage must not fill the disk with itself. */
export class Outage {
  readonly #log: Logger;
  readonly #message: string;
  #since: number | undefined;

  constructor(log: Logger, message: string) {
    this.#log = log;
    this.#message = message;
  }

  failed(err: unknown, fields: LogFields = {}): void {
    if (this.#since === undefined) this.#log.warn(this.#message, { ...fields, ...whyOf(err) });
    this.#since ??= Date.now();
  }

  /** It works again. */
  over(fields: LogFields = {}): void {
    if (this.#since !== undefined)
      this.#log.info("It works again", {
        what: this.#message,
        ...fields,
        after_ms: Date.now() - this.#since,
      });
    this.#since = undefined;
  }
}
