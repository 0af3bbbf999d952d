import { Slots } from "../../shared/async/slots.ts";
import type { Login } from "./target.ts";

/** Each costs this process some milliseconds, and what is installed may all be downloaded at once. */
const MOST_AT_ONCE = 24;

/** Of one jump host: sshd turns away who comes when ten are at the door (MaxStartups). */
const MOST_THROUGH_ONE = 6;

/** Bounds how many logins are under way at a time, in all and through one jump host; others wait their turn. */
export class LoginSlots {
  readonly #all = new Slots(MOST_AT_ONCE);
  readonly #jumps = new Map<string, Slots>();

  /** Rejects with the signal's reason where that aborts before it is the task's turn. */
  run<T>(
    jump: Pick<Login, "hostname" | "port"> | null,
    signal: AbortSignal,
    task: () => Promise<T>,
  ): Promise<T> {
    const inAll = () => this.#all.run(signal, task);
    // Who waits for a jump host takes no place from those who do not.
    return jump ? this.#of(jump).run(signal, inAll) : inAll();
  }

  #of({ hostname, port }: Pick<Login, "hostname" | "port">): Slots {
    const name = `${hostname.toLowerCase()}:${port}`;
    const slots = this.#jumps.get(name) ?? new Slots(MOST_THROUGH_ONE);
    this.#jumps.set(name, slots);
    return slots;
  }
}
