import type { Clock } from "../../shared/clock.ts";
import { StreamRefusal } from "./holder.ts";
import type { TunnelLimits } from "./limits.ts";
import { OpenRate } from "./openRate.ts";

interface Share {
  streams: number;
  rate: OpenRate;
}

interface Deps {
  clock: Pick<Clock, "steady">;
  limits: Pick<TunnelLimits, "streamsPerUser" | "streams" | "opensPerSecond">;
}

/** How many users who have nothing open are remembered, for how often they have opened something. */
const MOST_IDLE = 1_000;

/** How much of the streams that there may be each user has. */
export class UserShares {
  readonly #deps: Deps;
  readonly #shares = new Map<string, Share>();
  #streams = 0;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** One stream more of a user; returns how to say that it is over. Throws a refusal. */
  enter(userId: string): () => void {
    const { limits, clock } = this.#deps;
    const now = clock.steady();
    const share = this.#shares.get(userId) ?? { streams: 0, rate: new OpenRate(limits.opensPerSecond, now) };
    this.#shares.set(userId, share);
    const refuse = (message: string): never => {
      throw new StreamRefusal("too_many", message);
    };
    if (!share.rate.take(limits.opensPerSecond, now))
      refuse(`More than ${limits.opensPerSecond} connections in a second`);
    if (share.streams >= limits.streamsPerUser)
      refuse(`You have ${limits.streamsPerUser} connections open, which is all that one user may have`);
    if (this.#streams >= limits.streams)
      refuse(`The coordinator passes on ${limits.streams} connections, which is all that it may`);
    share.streams += 1;
    this.#streams += 1;
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      share.streams -= 1;
      this.#streams -= 1;
      if (share.streams === 0 && this.#shares.size > MOST_IDLE) this.#shares.delete(userId);
    };
  }
}
