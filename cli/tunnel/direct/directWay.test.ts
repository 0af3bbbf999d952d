import { afterEach, beforeEach, expect, test } from "bun:test";
import { X509Certificate } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import type { TCPSocketListener } from "bun";
import { systemClock } from "../../../shared/clock.ts";
import type { DirectOffer } from "../../../shared/protocol/direct.ts";
import { FakeClock } from "../../../shared/testing/fakeClock.ts";
import { LossyPair } from "../../../shared/testing/lossyPair.ts";
import { waitFor } from "../../../shared/testing/waitFor.ts";
import { issueCertificate, type KeyedCertificate, makeAuthority } from "../../../shared/tls/certificates.ts";
import { ByteConnection } from "../../../shared/tunnel/byteConnection.ts";
import { Mux } from "../../../shared/tunnel/mux.ts";
import type { TunnelStream } from "../../../shared/tunnel/stream.ts";
import { DirectWay } from "./directWay.ts";

const SUBMISSION = "5d8a7d0a-3a6f-4b54-8f6e-3c3e6f0a1b2c";
const TICKET = "t".repeat(43);
const RESUME = "r".repeat(43);
const PORT = { kind: "port", port: 80 } as const;

/** A host that lets in whoever has the ticket, and the coordinator that asks it for one. */
class Host implements Disposable {
  readonly hellos: unknown[] = [];
  readonly requests: unknown[] = [];
  readonly routes: string[] = [];
  readonly asked: { request: unknown; stream: TunnelStream }[] = [];
  readonly timers = new FakeClock(0);
  readonly relay: LossyPair;
  readonly way: DirectWay;
  readonly #connections = new Set<ByteConnection>();
  readonly #listener: TCPSocketListener<ByteConnection>;
  offer: unknown;
  isThere = true;
  /** What goes on with the link. */
  resume = RESUME;
  #mux: Mux | undefined;

  constructor(own: KeyedCertificate) {
    this.#listener = Bun.listen<ByteConnection>({
      hostname: "127.0.0.1",
      port: 0,
      tls: own,
      socket: {
        open: (socket) => {
          const connection: ByteConnection = new ByteConnection(socket, {
            greeted: (content) => this.#greeted(connection, content),
            received: (bytes) => this.#mux?.receive(connection, bytes),
            ended: (reason) => this.#mux?.close(reason),
          });
          socket.data = connection;
          this.#connections.add(connection);
        },
        data: (socket, bytes) => socket.data.data(bytes),
        drain: (socket) => socket.data.drain(),
        close: (socket) => {
          this.#connections.delete(socket.data);
          this.#mux?.disconnected(socket.data);
        },
      },
    });
    this.offer = {
      // Of this network's documentation addresses nobody answers.
      addresses: ["127.0.0.1", "192.0.2.77"],
      port: this.#listener.port,
      certificate: new X509Certificate(own.cert).raw.toString("base64"),
      ticket: TICKET,
    } satisfies DirectOffer;
    this.relay = new LossyPair({
      onStream: ({ stream, accept }, request) => {
        this.asked.push({ request, stream });
        if (this.offer === undefined) stream.reset({ code: "forbidden", message: "not directly" });
        else accept(this.offer);
      },
    });
    this.way = new DirectWay({
      clock: { ...systemClock, after: (ms, fire) => this.#after(ms, fire) },
      ask: (request) => {
        if (!this.isThere) return undefined;
        const stream = this.relay.dialler.open(request);
        queueMicrotask(() => this.relay.settle());
        return stream;
      },
      onChange: (route) => void this.routes.push(route),
    });
  }

  /** Long pauses are the test's to end, short ones are real. */
  #after(ms: number, fire: () => void): () => void {
    return ms >= 60_000 ? this.timers.after(ms, fire) : systemClock.after(ms, fire);
  }

  #greeted(connection: ByteConnection, content: unknown): void {
    this.hellos.push(content);
    const hello = content as { ticket?: string; resume?: string; received?: number };
    if (hello.ticket !== TICKET && hello.resume !== this.resume) {
      connection.greet({ refused: "unknown ticket" });
      connection.close("refused");
      return;
    }
    if (hello.ticket) this.#mux = this.#open();
    connection.greet({ resume: this.resume, received: this.#mux?.received ?? 0 });
    this.#mux?.connect(connection, hello.received ?? 0);
  }

  #open(): Mux {
    return new Mux({
      clock: systemClock,
      resumeMs: 60_000,
      isDialler: false,
      maxStreams: 10,
      onStream: ({ accept }, request) => {
        this.requests.push(request);
        accept(null);
      },
      onClosed: () => {},
    });
  }

  cut(): void {
    for (const connection of this.#connections) connection.giveUp();
  }

  /** As an agent that has been started anew. */
  forget(): void {
    this.resume = "x".repeat(43);
    this.cut();
  }

  end(reason: string): void {
    this.#mux?.close(reason);
  }

  async direct(): Promise<void> {
    await waitFor("the direct way", () => this.way.route === "direct");
  }

  [Symbol.dispose](): void {
    this.way[Symbol.dispose]();
    this.#listener.stop(true);
  }
}

const VALIDITY = { notBefore: Date.UTC(2020), notAfter: Date.UTC(2040) };
const makeCertificate = async () =>
  issueCertificate(await makeAuthority("a host", VALIDITY), { names: ["a host"], ...VALIDITY });
const own = await makeCertificate();
let host: Host;
beforeEach(() => {
  host = new Host(own);
});
afterEach(() => host[Symbol.dispose]());

test("until the direct way is there streams go by the coordinator, and then they do not", async () => {
  host.way.follow(SUBMISSION);
  expect(host.way.open(PORT)).toBeUndefined();
  await host.direct();
  const stream = host.way.open(PORT);
  await waitFor("the stream", () => host.requests.length === 1);
  expect(stream?.isGone).toBe(false);
  expect(host.requests).toEqual([{ submission_id: SUBMISSION, to: PORT }]);
  expect(host.asked.map(({ request }) => request)).toEqual([
    { submission_id: SUBMISSION, to: { kind: "direct" } },
  ]);
  expect(host.hellos).toEqual([{ ticket: TICKET }]);
  expect(host.routes).toEqual(["direct"]);
});

test("another certificate than the one that was told is told nothing", async () => {
  const other = new X509Certificate((await makeCertificate()).cert);
  host.offer = { ...(host.offer as DirectOffer), certificate: other.raw.toString("base64") };
  host.way.follow(SUBMISSION);
  await waitFor(
    "the ticket to be given back",
    () => {
      host.relay.settle();
      return host.asked.length === 1 && host.relay.acceptor.size === 0;
    },
    10_000,
  );
  expect(host.hellos).toEqual([]);
  expect(host.way.route).toBe("relay");
}, 15_000);

test("a host that lets nobody in is asked again after a while", async () => {
  const { offer } = host;
  host.offer = undefined;
  host.way.follow(SUBMISSION);
  await waitFor("the refusal", () => host.asked.length === 1);
  expect(host.way.open(PORT)).toBeUndefined();
  host.relay.settle();
  host.offer = offer;
  host.timers.advance(2 * 60_000);
  await host.direct();
});

test.each([
  ["rubbish", "rubbish"],
  ["names in place of addresses", { addresses: ["internal.example"] }],
  ["no addresses", { addresses: [] }],
])("an offer of %s is none", async (_name, change) => {
  host.offer = typeof change === "string" ? change : { ...(host.offer as DirectOffer), ...change };
  host.way.follow(SUBMISSION);
  await waitFor("the answer", () => host.asked.length === 1);
  await waitFor("the ticket to be given back", () => {
    host.relay.settle();
    return host.relay.dialler.size === 0;
  });
  expect(host.hellos).toEqual([]);
});

test("a connection that breaks is dialled again, and its streams go on; others go by the coordinator meanwhile", async () => {
  host.way.follow(SUBMISSION);
  await host.direct();
  const stream = host.way.open(PORT);
  await waitFor("the stream", () => host.requests.length === 1);
  host.cut();
  await waitFor("the cut to be noticed", () => host.routes.includes("relay"));
  await host.direct();
  expect(stream?.isGone).toBe(false);
  expect(host.hellos.at(-1)).toMatchObject({ resume: RESUME });
  // It asks at once where the host is now, and the link is good by that ticket from then on.
  await waitFor("the renewal", () => host.requests.some((one) => isDeepStrictEqual(one, { renew: TICKET })));
  host.way.renew();
  await host.direct();
  expect(stream?.isGone).toBe(false);
});

test("a host whose agent is another one since has another link at once", async () => {
  host.way.follow(SUBMISSION);
  await host.direct();
  const stream = host.way.open(PORT);
  await waitFor("the stream", () => host.requests.length === 1);
  host.forget();
  await waitFor("the end of the stream", () => stream?.isGone);
  await host.direct();
  expect(host.hellos.slice(1)).toContainEqual({ ticket: TICKET });
});

test("an agent that was started anew, and does not know its job for a moment, is asked again soon", async () => {
  host.way.follow(SUBMISSION);
  await host.direct();
  const [{ offer }, before] = [host, host.asked.length];
  host.offer = undefined;
  host.forget();
  await waitFor("the refusal", () => host.asked.length > before);
  host.relay.settle();
  host.offer = offer;
  await host.direct();
});

test("a link that is over ends its streams, and another one is tried later", async () => {
  host.way.follow(SUBMISSION);
  await host.direct();
  const ended = Promise.withResolvers<string | undefined>();
  host.way.open(PORT)?.handle({
    accepted: () => {},
    data: () => {},
    credit: () => {},
    blocked: () => {},
    ended: () => {},
    closed: (failure) => ended.resolve(failure?.message),
  });
  host.end("Access was revoked");
  expect(await ended.promise).toBe("Access was revoked");
  expect(host.way.route).toBe("relay");
  host.relay.settle();
  host.timers.advance(2 * 60_000);
  await host.direct();
});

test("its ticket is renewed well before it is over, and by the next coordinator", async () => {
  host.way.follow(SUBMISSION);
  await host.direct();
  host.timers.advance(5 * 60_000);
  await waitFor("the renewal", () => host.requests.length === 1);
  expect(host.requests).toEqual([{ renew: TICKET }]);
  host.isThere = false;
  host.asked.at(-1)?.stream.reset({ code: "link_lost", message: "The coordinator stops" });
  host.relay.settle();
  expect(host.way.route).toBe("direct");
  host.isThere = true;
  host.way.coordinatorIsUp();
  await waitFor("another renewal", () => host.requests.length === 2);
  expect(host.hellos).toHaveLength(1);
});

test("another attempt at the job has another link", async () => {
  host.way.follow(SUBMISSION);
  await host.direct();
  const stream = host.way.open(PORT);
  const next = crypto.randomUUID();
  host.way.follow(next);
  expect(stream?.isGone).toBe(true);
  await host.direct();
  host.way.open(PORT);
  await waitFor("the stream", () => host.requests.length === 2);
  expect(host.requests.at(-1)).toEqual({ submission_id: next, to: PORT });
});
