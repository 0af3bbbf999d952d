import { messageOf } from "../../shared/errors.ts";
import type { LogFields, Logger } from "../../shared/log.ts";

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
    if (this.#since === undefined) this.#log.warn(this.#message, { ...fields, reason: messageOf(err) });
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
