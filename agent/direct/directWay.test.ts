import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { statSync } from "node:fs";
import { join } from "node:path";
import { createLogger } from "../../shared/log.ts";
import { DirectOffer } from "../../shared/protocol/direct.ts";
import { FakeClock } from "../../shared/testing/fakeClock.ts";
import { LossyPair } from "../../shared/testing/lossyPair.ts";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { ByteConnection } from "../../shared/tunnel/byteConnection.ts";
import { Mux } from "../../shared/tunnel/mux.ts";
import type { StreamHandler, TunnelStream } from "../../shared/tunnel/stream.ts";
import { DirectWay } from "./directWay.ts";
import { LAST_WORDS_MS } from "./grant.ts";

const SUBMISSION = "5d8a7d0a-3a6f-4b54-8f6e-3c3e6f0a1b2c";

const DEAF: StreamHandler = {
  accepted: () => {},
  data: () => {},
  credit: () => {},
  blocked: () => {},
  ended: () => {},
  closed: () => {},
};

/** An agent's direct way, with a coordinator beside it that asks for tickets over a link of its own. */
class Lab implements Disposable {
  readonly #dir = tempDir();
  readonly clock = new FakeClock(0);
  readonly logged: string[] = [];
  readonly job = new AbortController();
  readonly served: unknown[] = [];
  readonly way = this.open(0);
  #coordinator = this.#link();

  open(port: number | "off"): DirectWay {
    return new DirectWay({
      clock: this.clock,
      log: createLogger({ level: "info", format: "json", write: (line) => void this.logged.push(line) }),
      stateDir: this.#dir.path,
      port,
      serve: ({ accept }, submissionId, to) => {
        this.served.push({ submissionId, to });
        accept(null);
      },
    });
  }

  #link(way = this.way): LossyPair {
    const pair: LossyPair = new LossyPair({
      resumeMs: 1_000,
      onStream: (incoming) => {
        const to = { kind: "direct" as const, ports: [80], login: { keys: [], user: null } };
        const job = { ended: this.job.signal } as Parameters<DirectWay["offer"]>[1]["job"];
        const isLinkLost = () => pair.acceptor.isClosed;
        void way.offer(incoming, { job, submissionId: SUBMISSION, to, isLinkLost });
      },
    });
    return pair;
  }

  get certificatePath(): string {
    return join(this.#dir.path, "direct.pem");
  }

  /** A ticket, and the stream that it is good by; the code of the refusal where there is none. */
  async ask(way = this.way): Promise<{ offer: DirectOffer; stream: TunnelStream; failure?: string }> {
    const coordinator = way === this.way ? this.#coordinator : this.#link(way);
    const stream = coordinator.dialler.open({});
    let [answer, failure]: [unknown, string | undefined] = [undefined, undefined];
    stream.handle({
      ...DEAF,
      accepted: (offer) => {
        answer = offer;
      },
      closed: (why) => {
        failure = why?.code;
      },
    });
    await waitFor("an answer", () => {
      coordinator.settle();
      return answer !== undefined || failure !== undefined;
    });
    if (failure !== undefined) return { offer: {} as DirectOffer, stream, failure };
    return { offer: DirectOffer.parse(answer), stream };
  }

  settle(): void {
    this.#coordinator.settle();
  }

  /** The coordinator is gone, and another one comes. */
  loseCoordinator(): void {
    this.#coordinator.acceptor.close("another coordinator");
    this.#coordinator = this.#link();
  }

  [Symbol.dispose](): void {
    this.way[Symbol.dispose]();
    this.#dir[Symbol.dispose]();
  }
}

/** Connects without any care of its own: what an agent must put up with. */
class Client {
  readonly answers: unknown[] = [];
  readonly mux: Mux;
  isGone = false;
  #connection: ByteConnection | undefined;

  constructor(lab: Lab) {
    this.mux = new Mux({
      clock: lab.clock,
      resumeMs: 60_000,
      isDialler: true,
      maxStreams: 10,
      onStream: () => {},
      onClosed: () => {},
    });
  }

  async greet(port: number, hello: unknown): Promise<this> {
    this.isGone = false;
    const socket = await Bun.connect({
      hostname: "127.0.0.1",
      port,
      tls: { rejectUnauthorized: false },
      socket: {
        handshake: () => this.#connection?.greet(hello),
        data: (_socket, bytes) => this.#connection?.data(bytes),
        drain: () => this.#connection?.drain(),
        close: () => {
          this.isGone = true;
        },
        error: () => {},
      },
    });
    const connection = new ByteConnection(socket, {
      greeted: (content) => {
        this.answers.push(content);
        if (typeof content === "object" && content !== null && "resume" in content)
          this.mux.connect(connection, (content as { received?: number }).received ?? 0);
      },
      received: (bytes) => this.mux.receive(connection, bytes),
      ended: (reason) => this.mux.close(reason),
    });
    this.#connection = connection;
    await waitFor("an answer", () => this.answers.length > 0 || this.isGone);
    return this;
  }

  get resume(): string {
    const [welcome] = this.answers as { resume?: string }[];
    return welcome?.resume ?? "";
  }

  cut(): void {
    const connection = this.#connection;
    if (!connection) return;
    connection.giveUp();
    this.mux.disconnected(connection);
  }

  /** Asks for a stream; what became of that. */
  async open(request: unknown): Promise<string> {
    const stream = this.mux.open(request);
    let outcome: string | undefined;
    stream.handle({
      ...DEAF,
      accepted: () => {
        outcome ??= "accepted";
      },
      closed: (failure) => {
        outcome ??= failure?.code;
      },
    });
    await waitFor("an answer", () => outcome !== undefined);
    return outcome ?? "";
  }
}

const port = (number: number, submission_id = SUBMISSION) => ({
  submission_id,
  to: { kind: "port", port: number },
});

let lab: Lab;
beforeEach(() => {
  lab = new Lab();
});
afterEach(() => lab[Symbol.dispose]());

const connect = async (): Promise<Client & { offered: DirectOffer; stream: TunnelStream }> => {
  const { offer, stream } = await lab.ask();
  const client = await new Client(lab).greet(offer.port, { ticket: offer.ticket });
  return Object.assign(client, { offered: offer, stream });
};

test("a ticket lets its owner in, to what it is for and nothing else", async () => {
  const client = await connect();
  expect(await client.open(port(80))).toBe("accepted");
  expect(await client.open({ submission_id: SUBMISSION, to: { kind: "ssh" } })).toBe("accepted");
  expect(await client.open(port(22))).toBe("forbidden");
  expect(await client.open(port(80, crypto.randomUUID()))).toBe("forbidden");
  expect(await client.open({ submission_id: SUBMISSION, to: { kind: "direct" } })).toBe("forbidden");
  expect(await client.open("anything")).toBe("forbidden");
  expect(lab.served).toEqual([
    { submissionId: SUBMISSION, to: { kind: "port", port: 80 } },
    { submissionId: SUBMISSION, to: { kind: "ssh", keys: [], user: null } },
  ]);
  expect(statSync(lab.certificatePath).mode & 0o777).toBe(0o600);
});

describe("nobody gets in", () => {
  const helloOf: [string, (offer: DirectOffer) => unknown, string][] = [
    ["with a ticket that was guessed", () => ({ ticket: "x".repeat(43) }), "unknown ticket"],
    ["with a link that was guessed", () => ({ resume: "x".repeat(43), received: 0 }), "unknown link"],
    ["with a ticket for a secret", ({ ticket }) => ({ resume: ticket, received: 0 }), "unknown link"],
    ["with nothing", () => ({}), "This is no greeting"],
  ];
  test.each(helloOf)("%s", async (_name, hello, refused) => {
    const { offer } = await lab.ask();
    const client = await new Client(lab).greet(offer.port, hello(offer));
    expect(client.answers).toEqual([{ refused }]);
    await waitFor("the end", () => client.isGone);
    expect(lab.logged.join("")).toContain(refused);
    expect(lab.logged.join("")).not.toContain(offer.ticket);
  });

  test("with a ticket that was used", async () => {
    const { offered } = await connect();
    const second = await new Client(lab).greet(offered.port, { ticket: offered.ticket });
    expect(second.answers).toEqual([{ refused: "used ticket" }]);
  });

  test("with a ticket that is too old", async () => {
    const { offer } = await lab.ask();
    lab.clock.advance(20_000);
    const late = await new Client(lab).greet(offer.port, { ticket: offer.ticket });
    expect(late.answers).toEqual([{ refused: "expired ticket" }]);
  });

  test("with a ticket that the coordinator has taken back", async () => {
    const { offer, stream } = await lab.ask();
    stream.reset({ code: "forbidden", message: "Access was revoked" });
    lab.settle();
    const client = await new Client(lab).greet(offer.port, { ticket: offer.ticket });
    expect(client.answers).toEqual([{ refused: "withdrawn ticket" }]);
  });

  test("who says nothing, or something else than a greeting", async () => {
    const { offer } = await lab.ask();
    const silent = await connectTls(offer.port);
    // The listener comes to know of it at a time of its own.
    await waitFor("the end of who says nothing", () => {
      lab.clock.advance(5_000);
      return silent.isGone;
    });
    const loud = await connectTls(offer.port);
    await waitFor("the handshake", () => loud.isSecure);
    loud.write("GET / HTTP/1.1\r\n\r\n");
    await waitFor("the end of who says something else", () => loud.isGone);
  });
});

const connectTls = async (at: number) => {
  const state = { isGone: false, isSecure: false, write: (_text: string): void => {} };
  const socket = await Bun.connect({
    hostname: "127.0.0.1",
    port: at,
    tls: { rejectUnauthorized: false },
    socket: {
      handshake: () => {
        state.isSecure = true;
      },
      data: () => {},
      close: () => {
        state.isGone = true;
      },
      error: () => {},
    },
  });
  state.write = (text) => void socket.write(text);
  return state;
};

test("a link goes on over another connection, and only for who has its secret", async () => {
  const client = await connect();
  client.cut();
  await new Client(lab).greet(client.offered.port, { resume: client.offered.ticket, received: 0 });
  await client.greet(client.offered.port, { resume: client.resume, received: client.mux.received });
  expect(await client.open(port(80))).toBe("accepted");
});

/** Links that are in use all the while: one on which nothing comes is given up sooner. */
const passMinute = async (clients: readonly Client[]): Promise<void> => {
  for (let second = 0; second < 60; second += 10) {
    for (const client of clients) await client.open(port(80));
    lab.clock.advance(10_000);
  }
};

test("what the coordinator ends is over at once", async () => {
  const client = await connect();
  client.stream.reset({ code: "forbidden", message: "Access was revoked" });
  lab.settle();
  await waitFor("the end of the link", () => client.mux.isClosed);
  const again = await new Client(lab).greet(client.offered.port, { resume: client.resume, received: 0 });
  expect(again.answers).toEqual([{ refused: "unknown link" }]);
});

test("the job's end ends it", async () => {
  const client = await connect();
  lab.job.abort();
  expect(await client.open(port(80))).toBe("forbidden");
  lab.clock.advance(LAST_WORDS_MS);
  await waitFor("the end of the link", () => client.mux.isClosed);
});

test("a coordinator that is away ends nothing; when it is back it has to be asked", async () => {
  const [one, other] = [await connect(), await connect()];
  lab.loseCoordinator();
  expect(await one.open(port(80))).toBe("accepted");
  lab.way.heard();
  const { offer } = await lab.ask();
  expect(await other.open({ renew: offer.ticket })).toBe("accepted");
  expect(await other.open({ renew: offer.ticket })).toBe("forbidden");
  await passMinute([one, other]);
  await waitFor("the end of the link that was not renewed", () => one.mux.isClosed);
  expect(await other.open(port(80))).toBe("accepted");
});

test("a coordinator that has lost its client gives it a minute to come back", async () => {
  const client = await connect();
  client.stream.reset({ code: "link_lost", message: "The coordinator stops" });
  lab.settle();
  expect(await client.open(port(80))).toBe("accepted");
  await passMinute([client]);
  await waitFor("the end of the link", () => client.mux.isClosed);
});

test("the port is closed when nobody has a use for it, and opened again", async () => {
  const { offered, stream } = await connect();
  stream.end();
  lab.settle();
  const isOpen = () =>
    connectTls(offered.port).then(
      () => true,
      () => false,
    );
  expect(await isOpen()).toBe(true);
  lab.clock.advance(60_000);
  await waitFor("the port to close", async () => !(await isOpen()));
  const again = await connect();
  expect(await again.open(port(80))).toBe("accepted");
  expect(again.offered.certificate).toBe(offered.certificate);
});

test("a host may be told to let nobody in", async () => {
  using way = lab.open("off");
  expect((await lab.ask(way)).failure).toBe("forbidden");
});
