import type { ClientStreamRequest } from "../../shared/protocol/tunnel.ts";
import type { Destination, Holder } from "./holder.ts";

/** A link leads to a few ports of a few jobs. */
const MOST_KNOWN = 100;

/**
 * Where the streams of one link lead. The rule is asked anew once anything was written that it looks at, as for streams that
 * are open (`OpenStreams`); until then its answer is the same, and most of what a new connection costs is spared.
 */
export class KnownDestinations {
  readonly #holder: Pick<Holder, "find">;
  readonly #changes: () => number;
  readonly #known = new Map<string, Destination>();
  /** Of that many changes is what is known. */
  #seen = 0;

  /** `changes`: how often something was written that may change the answer. */
  constructor(holder: Pick<Holder, "find">, changes: () => number) {
    this.#holder = holder;
    this.#changes = changes;
  }

  /** Throws a refusal, which is not kept. */
  async find(request: ClientStreamRequest): Promise<Destination> {
    const before = this.#changes();
    if (before !== this.#seen || this.#known.size >= MOST_KNOWN) this.#known.clear();
    this.#seen = before;
    const key = JSON.stringify(request);
    const known = this.#known.get(key);
    if (known) return known;
    const found = await this.#holder.find(request);
    // What was written meanwhile may have come before or after the rule has looked.
    if (this.#changes() === before) this.#known.set(key, found);
    return found;
  }
}
