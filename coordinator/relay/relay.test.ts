import { afterEach, beforeEach, expect, test } from "bun:test";
import { systemClock } from "../../shared/clock.ts";
import { silentLogger } from "../../shared/log.ts";
import { LinkQuery } from "../../shared/protocol/tunnel.ts";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { Dialler } from "../../shared/tunnel/dialler.ts";
import type { MuxOptions } from "../../shared/tunnel/mux.ts";
import { ReceiveWindow, WindowBudget } from "../../shared/tunnel/receiveWindow.ts";
import type { TunnelStream } from "../../shared/tunnel/stream.ts";
import { Relay, StreamRefusal } from "./relay.ts";
import { type SocketOwner, tunnelSockets } from "./sockets.ts";

const SUBMISSION = "5d8a7d0a-3a6f-4b54-8f6e-3c3e6f0a1b2c";
const HOST = "host";

/** A relay behind a real server, with one agent that dials when it is wanted. */
class Lab implements AsyncDisposable {
  readonly sockets = new Set<Bun.ServerWebSocket<SocketOwner>>();
  readonly relay = new Relay({ clock: systemClock, log: silentLogger, wake: () => this.agent() });
  readonly diallers: Dialler[] = [];
  readonly requests: unknown[] = [];
  isAgentThere = true;
  readonly #server = Bun.serve({
    port: 0,
    fetch: (request, server) => {
      const { pathname, searchParams } = new URL(request.url);
      const dial = LinkQuery.parse(Object.fromEntries(searchParams));
      const owner =
        pathname === "/agent"
          ? this.relay.agent(HOST, dial)
          : this.relay.client(pathname, dial, async ({ submission_id, to }) => {
              if (to.kind !== "port" || to.port === 1) throw new StreamRefusal("forbidden", "Not this one");
              return { instanceId: HOST, request: { submission_id, to } };
            });
      if (!owner) return new Response(null, { status: 429 });
      return server.upgrade(request, { data: owner }) ? undefined : new Response(null, { status: 426 });
    },
    websocket: {
      ...tunnelSockets,
      open: (socket) => {
        this.sockets.add(socket);
        tunnelSockets.open?.(socket);
      },
      close: (socket, code, reason) => {
        this.sockets.delete(socket);
        tunnelSockets.close?.(socket, code, reason);
      },
    },
  });

  get url(): string {
    return `ws://127.0.0.1:${this.#server.port}`;
  }

  dial(path: string, onStream: MuxOptions["onStream"] = () => {}): Dialler {
    const dialler = new Dialler({
      url: `${this.url}${path}`,
      headers: () => ({}),
      clock: systemClock,
      resumeMs: 5_000,
      onStream,
      onClosed: () => {},
    });
    this.diallers.push(dialler);
    return dialler;
  }

  /** Sends back what it gets. */
  agent(): void {
    if (!this.isAgentThere) return;
    this.dial("/agent", ({ stream, accept }, request) => {
      this.requests.push(request);
      stream.handle({
        accepted: () => {},
        data: (piece) => {
          stream.write(piece);
          stream.grant(piece.length);
        },
        credit: () => {},
        blocked: () => {},
        ended: () => stream.end(),
        closed: () => {},
      });
      accept(null);
    });
  }

  cut(): void {
    for (const socket of this.sockets) socket.terminate();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const dialler of this.diallers) dialler[Symbol.dispose]();
    this.relay.close();
    await this.#server.stop(true);
  }
}

/** What comes back of what was sent, once the stream is over; rejects with the code of a failure. */
const echoOf = (stream: TunnelStream, sent: Uint8Array, onData: (received: number) => void = () => {}) => {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const window = new ReceiveWindow(stream, new WindowBudget(16 * 1024 * 1024));
  const pieces: Uint8Array[] = [];
  let [received, at] = [0, 0];
  const write = () => {
    while (at < sent.length && stream.room > 0) {
      stream.write(sent.subarray(at, at + 100_000));
      at += 100_000;
    }
    if (at >= sent.length) stream.end();
  };
  stream.handle({
    accepted: write,
    data: (piece) => {
      pieces.push(piece.slice());
      received += piece.length;
      window.came(piece.length);
      window.consumed(piece.length);
      onData(received);
    },
    credit: write,
    blocked: () => window.blocked(),
    ended: () => resolve(Buffer.concat(pieces)),
    closed: (failure) => {
      window.release();
      if (failure) reject(new Error(failure.code));
    },
  });
  return promise;
};

const sample = (length: number): Uint8Array =>
  Uint8Array.from({ length }, (_, at) => (at * 7 + (at >> 9)) & 255);
const open = (client: Dialler, port = 80) =>
  client.mux.open({ submission_id: SUBMISSION, to: { kind: "port", port } });

let lab: Lab;
beforeEach(() => {
  lab = new Lab();
});
afterEach(() => lab[Symbol.asyncDispose]());

test("the first stream makes the agent dial; what is written comes back whole, ends included", async () => {
  const client = lab.dial("/ada");
  const sent = sample(5_000_000);
  expect((await echoOf(open(client), sent)).equals(sent)).toBe(true);
  expect(lab.requests).toEqual([{ submission_id: SUBMISSION, to: { kind: "port", port: 80 } }]);
  expect(lab.relay.isWanted(HOST)).toBe(true);
  expect(lab.diallers).toHaveLength(2);
  expect(client.mux.size).toBe(0);
});

test("a stream of the coordinator's own goes to the agent", async () => {
  const request = { submission_id: SUBMISSION, to: { kind: "ssh" as const, keys: [], user: null } };
  const sent = sample(1_000_000);
  const stream = await lab.relay.open({ instanceId: HOST, request });
  expect((await echoOf(stream, sent)).equals(sent)).toBe(true);
  expect(lab.requests).toEqual([request]);
});

test("many streams of many clients at once do not mix", async () => {
  const clients = ["/ada", "/bob"].map((path) => lab.dial(path));
  const sent = Array.from({ length: 40 }, (_, at) => sample(20_000 + at * 1_000));
  const received = await Promise.all(
    sent.map((bytes, at) => echoOf(open(clients[at % 2] ?? lab.dial("/eve")), bytes)),
  );
  for (const [at, bytes] of sent.entries()) expect(received[at]?.equals(bytes)).toBe(true);
});

test("connections that are cut, again and again, cost nothing", async () => {
  const client = lab.dial("/ada");
  const sent = sample(20_000_000);
  let cuts = 0;
  const received = await echoOf(open(client), sent, (bytes) => {
    if (bytes > (cuts + 1) * 4_000_000) {
      cuts += 1;
      lab.cut();
    }
  });
  expect(cuts).toBeGreaterThanOrEqual(4);
  expect(received.equals(sent)).toBe(true);
}, 30_000);

test("a machine that wakes up takes another connection, and nothing is lost", async () => {
  const client = lab.dial("/ada");
  const sent = sample(8_000_000);
  let renewals = 0;
  const received = await echoOf(open(client), sent, (bytes) => {
    if (bytes <= (renewals + 1) * 2_000_000) return;
    renewals += 1;
    client.renew();
  });
  expect(renewals).toBeGreaterThanOrEqual(2);
  expect(received.equals(sent)).toBe(true);
}, 30_000);

test("whoever leaves has left: what was open ends at the host, and the link counts no longer", async () => {
  const client = lab.dial("/ada");
  const accepted = Promise.withResolvers<void>();
  open(client).handle({
    accepted: () => accepted.resolve(),
    data: () => {},
    credit: () => {},
    blocked: () => {},
    ended: () => {},
    closed: () => {},
  });
  await accepted.promise;
  const agent = lab.diallers.at(-1);
  expect(agent?.mux.size).toBe(1);
  client[Symbol.dispose]();
  await waitFor("the stream's end", () => agent?.mux.size === 0);
});

test("an agent is killed: what was open through it ends when its successor dials", async () => {
  lab.isAgentThere = false;
  const killed = new WebSocket(`${lab.url}/agent?session=${SUBMISSION}&received=0`);
  const frames: unknown[] = [];
  killed.onmessage = ({ data }) => frames.push(data);
  await waitFor("the greeting", () => frames.length > 0);
  const ended = echoOf(open(lab.dial("/ada")), sample(10)).catch(String);
  await waitFor("the stream at the agent", () => frames.length > 1);
  killed.terminate();
  // That of the client is left.
  await waitFor("the coordinator to notice", () => lab.sockets.size === 1);
  lab.isAgentThere = true;
  lab.agent();
  expect(await ended).toContain("link_lost");
});

test("what may not be had is refused with its reason; the link goes on", async () => {
  const client = lab.dial("/ada");
  const asked = client.mux.open({ anything: "else" });
  expect(echoOf(asked, sample(1))).rejects.toThrow("forbidden");
  await expect(echoOf(open(client, 1), sample(1))).rejects.toThrow("forbidden");
  expect((await echoOf(open(client), sample(10))).length).toBe(10);
});

test("a user who is dismissed loses what is open, and nobody else does", async () => {
  const [ada, bob] = [lab.dial("/ada"), lab.dial("/bob")];
  await waitFor("both links", () => ada.mux.isUp && bob.mux.isUp);
  const lost = new Promise<string | undefined>((resolve) => {
    open(ada).handle({
      accepted: () => lab.relay.dismiss("/ada"),
      data: () => {},
      credit: () => {},
      blocked: () => {},
      ended: () => {},
      closed: (failure) => resolve(failure?.message),
    });
  });
  expect(await lost).toBe("Access was revoked");
  expect(ada.mux.isClosed).toBe(true);
  expect(await echoOf(open(bob), sample(3_000_000))).toHaveLength(3_000_000);
});

test("nobody goes on with a session that is another's, or over, or text", async () => {
  const ada = lab.dial("/ada");
  await waitFor("the link", () => ada.mux.isUp);
  const closeOf = async (path: string, first?: string) => {
    const socket = new WebSocket(`${lab.url}${path}`);
    const closed = new Promise<number>((resolve) => {
      socket.onclose = ({ code }) => resolve(code);
    });
    socket.onopen = () => {
      if (first !== undefined) socket.send(first);
    };
    return closed;
  };
  const session = "5d8a7d0a-3a6f-4b54-8f6e-3c3e6f0a1b2c";
  expect(await closeOf(`/bob?session=${session}&received=1`)).toBe(4404);
  expect(await closeOf(`/bob?session=${session}&received=0`, "text")).toBe(1003);
  lab.relay.close();
  await waitFor("the link to end", () => ada.mux.isClosed);
});
