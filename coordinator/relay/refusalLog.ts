import type { Clock } from "../../shared/clock.ts";
import type { Logger } from "../../shared/log.ts";
import type { Holder, StreamRefusal } from "./holder.ts";

/** So many lines for one user in so long a time: whoever tries a thousand ports is told of in a few. */
const MOST_LINES = 20;
const WINDOW_MS = 10_000;
const MOST_USERS = 1_000;

interface Told {
  since: number;
  count: number;
}

/** Who a line of the log is about. */
export const who = ({ userId, username, project, address }: Holder) => ({
  user: username,
  user_id: userId,
  project: project.name,
  address,
});

/** Writes who was refused what, and why. */
export class RefusalLog {
  readonly #deps: { clock: Pick<Clock, "steady">; log: Logger };
  readonly #told = new Map<string, Told>();

  constructor(deps: { clock: Pick<Clock, "steady">; log: Logger }) {
    this.#deps = deps;
  }

  write(holder: Holder, { code, message }: StreamRefusal, request: unknown): void {
    const { clock, log } = this.#deps;
    const now = clock.steady();
    const told = this.#told.get(holder.userId);
    const isNew = !told || now - told.since >= WINDOW_MS;
    if (isNew && told && told.count > MOST_LINES)
      log.warn("More streams were refused", { ...who(holder), count: told.count - MOST_LINES });
    if (isNew && this.#told.size >= MOST_USERS) this.#told.clear();
    const count = isNew ? 1 : told.count + 1;
    this.#told.set(holder.userId, { since: isNew ? now : told.since, count });
    if (count > MOST_LINES) return;
    const asked = JSON.stringify(request)?.slice(0, 200);
    // A job that has ended, a host that is away: nobody has done anything that they may not.
    log[code === "unavailable" ? "debug" : "warn"]("A stream was refused", {
      ...who(holder),
      asked,
      code,
      reason: message,
    });
  }
}
