import type { Duplex } from "node:stream";
import { Backoff } from "../../shared/async/backoff.ts";
import { delay } from "../../shared/async/delay.ts";
import type { Logger } from "../../shared/log.ts";
import { carry } from "./carry.ts";
import type { Connection } from "./connect.ts";
import { logIn } from "./jump.ts";
import { LoginSlots } from "./loginSlots.ts";
import type { HostTarget } from "./target.ts";

export interface CarriedHost extends Pick<HostTarget, "login" | "jump"> {
  /** That the host's agent dials, on its own loopback. */
  port: number;
  /** It holds (null), or why it does not. */
  tell: (err: unknown) => void;
}

interface Held {
  leaving: AbortController;
  done: Promise<void>;
}

const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 60_000;

/** One login for each host that cannot reach the coordinator, held for as long as the host is in its fleet. */
export class CarriedLinks {
  readonly #held = new Map<string, Held>();
  readonly #deps: { dial: () => Duplex; log: Logger };
  /** All of them are made again when the coordinator starts, or a bastion. */
  readonly #slots = new LoginSlots();

  constructor(deps: { dial: () => Duplex; log: Logger }) {
    this.#deps = deps;
  }

  hold(id: string, host: CarriedHost): void {
    if (this.#held.has(id)) return;
    const leaving = new AbortController();
    this.#held.set(id, { leaving, done: this.#keep(host, leaving.signal) });
  }

  async drop(id: string): Promise<void> {
    const held = this.#held.get(id);
    if (!held) return;
    this.#held.delete(id);
    held.leaving.abort(new Error("The host is carried no more"));
    await held.done;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#held.keys()].map((id) => this.drop(id)));
  }

  async #keep(host: CarriedHost, signal: AbortSignal): Promise<void> {
    const { dial, log } = this.#deps;
    const { login, jump, port, tell } = host;
    const backoff = new Backoff({ firstMs: FIRST_PAUSE_MS, longestMs: LONGEST_PAUSE_MS });
    while (!signal.aborted) {
      try {
        await using connection = await this.#slots.run(jump, signal, async () => {
          // Its keys are known since it was brought in.
          await using opened = new AsyncDisposableStack();
          const made = opened.use(await logIn({ login, jump }, { note: () => Promise.resolve(), signal }));
          await carry(made, { hostname: login.hostname, port, dial });
          opened.move();
          return made;
        });
        tell(null);
        backoff.reset();
        await ended(connection, signal);
        if (!signal.aborted) log.warn("A carried link was lost, and is made again", { host: login.hostname });
      } catch (err) {
        if (signal.aborted) return;
        tell(err);
      }
      await delay(backoff.next(), signal);
    }
  }
}

const ended = ({ client }: Connection, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const end = () => {
      client.removeListener("close", end);
      signal.removeEventListener("abort", end);
      resolve();
    };
    if (signal.aborted) return end();
    client.once("close", end);
    signal.addEventListener("abort", end, { once: true });
  });
