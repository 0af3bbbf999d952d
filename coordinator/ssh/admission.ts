import type { Clock } from "../../shared/clock.ts";
import { LoginRate } from "./loginRate.ts";

/** A connection, as far as counting goes. */
interface Counted {
  readonly address: string;
  end(): void;
}

export interface AdmissionLimits {
  /** Open at a time: of all, and of one address. */
  most: number;
  mostOfAddress: number;
  /** The same of those who have not logged in yet. */
  mostLoggingIn: number;
  mostLoggingInOfAddress: number;
}

export interface Ticket {
  loggedIn(): void;
  closed(): void;
}

/** Somebody who has a whole network of addresses has one in the eyes of a limit. */
const networkOf = (address: string): string =>
  address.includes(":") && !address.startsWith("::ffff:")
    ? address.split(":").slice(0, 4).join(":")
    : address;

/**
 * Who may connect. A log-in is over within a moment: where too many are under way, the one that has taken longest gives
 * way to the newest, so that whoever begins them and leaves them open keeps nobody else out.
 */
export class Admission {
  readonly #limits: AdmissionLimits;
  readonly #rate: LoginRate;
  readonly #open = new Set<Counted>();
  /** In the order in which they came. */
  readonly #loggingIn = new Set<Counted>();

  constructor(limits: AdmissionLimits, clock: Clock) {
    this.#limits = limits;
    this.#rate = new LoginRate(clock);
  }

  get size(): number {
    return this.#open.size;
  }

  /** Undefined: there are enough. */
  admit({ address: from, end }: { address: string; end: () => void }): Ticket | undefined {
    const { most, mostOfAddress, mostLoggingIn, mostLoggingInOfAddress } = this.#limits;
    const address = networkOf(from);
    if (!this.#rate.begin(address)) return undefined;
    const ofAddress = (all: Set<Counted>) => [...all].filter((one) => one.address === address);
    const waiting = ofAddress(this.#loggingIn);
    if (waiting.length >= mostLoggingInOfAddress) this.#giveWay(waiting[0]);
    else if (this.#loggingIn.size >= mostLoggingIn) this.#giveWay([...this.#loggingIn][0]);
    if (this.#open.size >= most || ofAddress(this.#open).length >= mostOfAddress) return undefined;
    const counted = { address, end };
    this.#open.add(counted);
    this.#loggingIn.add(counted);
    return {
      loggedIn: () => {
        this.#loggingIn.delete(counted);
        this.#rate.loggedIn(address);
      },
      closed: () => {
        this.#open.delete(counted);
        this.#loggingIn.delete(counted);
      },
    };
  }

  #giveWay(counted: Counted | undefined): void {
    if (!counted) return;
    this.#open.delete(counted);
    this.#loggingIn.delete(counted);
    counted.end();
  }
}
