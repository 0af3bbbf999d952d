import { connect as connectTo, type Socket } from "node:net";
import ssh2 from "ssh2";
import { Backoff } from "../../shared/async/backoff.ts";
import { AppError, messageOf } from "../../shared/errors.ts";
import { WindowBudget } from "../../shared/tunnel/receiveWindow.ts";
import { StreamDuplex } from "../../shared/tunnel/streamDuplex.ts";
import type { Context } from "../context.ts";
import { delayOn } from "../process/delayOn.ts";
import { hostKeyIn } from "../ssh/hostKeyIn.ts";
import { readPrivateKey } from "../ssh/privateKey.ts";
import type { JobLink } from "./jobLink.ts";
import type { ReverseForward } from "./reverseForward.ts";

const BUDGET_BYTES = 32 * 1024 * 1024;
const READY_MS = 20_000;
const KEEPALIVE = { keepaliveInterval: 30_000, keepaliveCountMax: 4 };
const PAUSES = { firstMs: 500, longestMs: 10_000 };

/**
 * Ports of the job that lead to this machine, as long as somebody is attached: what `ssh -R` does, by an SSH connection
 * of our own, so that the coordinator sees neither bytes nor ports, and the agent knows one way only.
 */
export class ReversePorts implements Disposable {
  readonly #ctx: Context;
  readonly #forwards: readonly ReverseForward[];
  readonly #closing = new AbortController();
  #isBegun = false;

  constructor(ctx: Context, forwards: readonly ReverseForward[]) {
    this.#ctx = ctx;
    this.#forwards = forwards;
  }

  /** For people: which port of the job leads where. */
  lines(): string[] {
    const lines = this.#forwards.map(
      ({ remote, host, local }) => `  - localhost:${remote} -> ${host}:${local}`,
    );
    return ["Reverse-forwarded ports (of the job -> here):", ...lines];
  }

  /** Resolves once they are there; throws where they cannot be had. Then lost ones are made again, whatever happens. */
  async open(link: JobLink, keyFiles: readonly string[]): Promise<void> {
    if (this.#isBegun) return;
    this.#isBegun = true;
    const { over } = await this.#connect(link, keyFiles);
    void this.#keep(link, keyFiles, over);
  }

  [Symbol.dispose](): void {
    this.#closing.abort();
  }

  async #keep(link: JobLink, keyFiles: readonly string[], first: Promise<void>): Promise<void> {
    const { signal } = this.#closing;
    const backoff = new Backoff(PAUSES);
    let over = first;
    let isTold = false;
    for (;;) {
      await over;
      if (signal.aborted) return;
      await delayOn(this.#ctx.clock, backoff.next(), signal);
      if (signal.aborted) return;
      try {
        ({ over } = await this.#connect(link, keyFiles));
        backoff.reset();
        if (isTold) this.#ctx.err.write("The job's ports lead here again\n");
        isTold = false;
      } catch (err) {
        over = Promise.resolve();
        if (!isTold) this.#ctx.err.write(`The job's ports lead nowhere for now: ${messageOf(err)}\n`);
        isTold = true;
      }
    }
  }

  /** A connection with all ports; `over` settles at its end. */
  async #connect(link: JobLink, keyFiles: readonly string[]): Promise<{ over: Promise<void> }> {
    const client = await this.#logIn(link, keyFiles);
    const { promise: over, resolve: end } = Promise.withResolvers<void>();
    const leave = () => client.destroy();
    const { signal } = this.#closing;
    client.once("close", () => {
      signal.removeEventListener("abort", leave);
      end();
    });
    signal.addEventListener("abort", leave, { once: true });
    client.on("tcp connection", ({ destPort }, accept, reject) => this.#answer(destPort, accept, reject));
    try {
      for (const { remote } of this.#forwards) await listenOn(client, remote);
    } catch (err) {
      client.destroy();
      throw err;
    }
    return { over };
  }

  async #logIn(link: JobLink, keyFiles: readonly string[]): Promise<ssh2.Client> {
    let reason: unknown = new AppError("unavailable", "There is no key that opens the job");
    for (const file of keyFiles) {
      try {
        return await this.#logInWith(link, readPrivateKey(file));
      } catch (err) {
        reason = err;
      }
    }
    throw reason;
  }

  #logInWith(link: JobLink, privateKey: string): Promise<ssh2.Client> {
    const { promise, resolve, reject } = Promise.withResolvers<ssh2.Client>();
    const answer = Promise.withResolvers<unknown>();
    const stream = new StreamDuplex(link.open({ kind: "ssh" }), {
      budget: new WindowBudget(BUDGET_BYTES),
      accepted: (given) => answer.resolve(given),
    });
    const client = new ssh2.Client();
    const fail = (err: unknown) => {
      client.destroy();
      reject(err);
    };
    stream.once("error", fail);
    client.on("error", fail);
    client.once("ready", () => resolve(client));
    client.once("close", () => fail(new AppError("unavailable", "The job closed the connection")));
    const hostVerifier = (key: Buffer, verify: (isGood: boolean) => void) =>
      void answer.promise
        .then((given) => verify(hostKeyIn(given).split(" ")[1] === key.toString("base64")))
        .catch(fail);
    client.connect({
      sock: stream,
      username: "dstack",
      privateKey,
      hostVerifier,
      readyTimeout: READY_MS,
      ...KEEPALIVE,
    });
    return promise;
  }

  #answer(port: number, accept: () => ssh2.ClientChannel, reject: () => void): void {
    const forward = this.#forwards.find(({ remote }) => remote === port);
    if (!forward) {
      reject();
      return;
    }
    const socket: Socket = connectTo({ host: forward.host, port: forward.local, allowHalfOpen: true });
    let channel: ssh2.ClientChannel | undefined;
    socket.once("connect", () => {
      const opened = accept();
      channel = opened;
      opened.on("error", () => socket.destroy());
      opened.once("close", () => socket.destroy());
      socket.pipe(opened).pipe(socket);
    });
    socket.on("error", () => {
      if (channel) channel.destroy();
      else reject();
    });
  }
}

const listenOn = (client: ssh2.Client, port: number): Promise<void> =>
  new Promise((resolve, reject) =>
    client.forwardIn("localhost", port, (err) =>
      err
        ? reject(new AppError("conflict", `port ${port} of the job is already in use`, { cause: err }))
        : resolve(),
    ),
  );
