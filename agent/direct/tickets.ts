import type { Clock } from "../../shared/clock.ts";
import type { Grant } from "./grant.ts";
import { digestOf, makeSecret } from "./secrets.ts";

/** A client dials as soon as it has its ticket. */
const TICKET_MS = 20_000;
/** A coordinator that asks for more at a time means harm, or is broken. */
const MOST_TICKETS = 1_000;

export type TicketRefusal = "unknown" | "used" | "expired" | "withdrawn";

interface Ticket {
  grant: Grant;
  expiresAt: number;
  isUsed: boolean;
}

/** One-time tickets, each for a grant. Only their digests are kept. */
export class Tickets {
  readonly #clock: Clock;
  readonly #tickets = new Map<string, Ticket>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Undefined: there are too many. */
  issue(grant: Grant): string | undefined {
    this.#forgetOld();
    if (this.#tickets.size >= MOST_TICKETS) return undefined;
    const ticket = makeSecret();
    const expiresAt = this.#clock.steady() + TICKET_MS;
    this.#tickets.set(digestOf(ticket), { grant, expiresAt, isUsed: false });
    return ticket;
  }

  /** Whoever presents it has the grant from now on, and nobody after them. */
  redeem(secret: string): Grant | TicketRefusal {
    const ticket = this.#tickets.get(digestOf(secret));
    if (!ticket) return "unknown";
    if (ticket.isUsed) return "used";
    ticket.isUsed = true;
    if (this.#clock.steady() >= ticket.expiresAt) return "expired";
    return ticket.grant.isOver ? "withdrawn" : ticket.grant;
  }

  /** Those that are long over: until then their owner is told what is wrong with them. */
  #forgetOld(): void {
    const now = this.#clock.steady();
    for (const [digest, { expiresAt }] of this.#tickets)
      if (now >= expiresAt + TICKET_MS) this.#tickets.delete(digest);
  }
}
