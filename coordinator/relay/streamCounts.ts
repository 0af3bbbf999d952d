import type { StreamFailureCode } from "../../shared/protocol/tunnel.ts";
import type { Moved } from "./audit.ts";

/** Since this process started. */
export interface Counted extends Moved {
  opened: number;
  refusedBy: ReadonlyMap<StreamFailureCode, number>;
}

/** What streams came to, for whoever watches the coordinator. */
export class StreamCounts {
  #opened = 0;
  readonly #refused = new Map<StreamFailureCode, number>();
  /** Of streams that are over. */
  #sentBytes = 0;
  #receivedBytes = 0;

  opened(): void {
    this.#opened += 1;
  }

  refused(code: StreamFailureCode): void {
    this.#refused.set(code, (this.#refused.get(code) ?? 0) + 1);
  }

  ended({ sentBytes, receivedBytes }: Moved): void {
    this.#sentBytes += sentBytes;
    this.#receivedBytes += receivedBytes;
  }

  /** With those that are open. */
  with(open: readonly Moved[]): Counted {
    return {
      opened: this.#opened,
      refusedBy: this.#refused,
      sentBytes: open.reduce((sum, one) => sum + one.sentBytes, this.#sentBytes),
      receivedBytes: open.reduce((sum, one) => sum + one.receivedBytes, this.#receivedBytes),
    };
  }
}
