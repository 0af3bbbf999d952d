/**
 * Who waits for whom. What others may pass on meanwhile is counted in bytes: how long that takes is the machine's affair
 * (`scripts/bench` measures it).
 */
import { expect, test } from "bun:test";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { encodeFrame, encodeJson, FrameType } from "../../shared/tunnel/frame.ts";
import type { IncomingStream } from "../../shared/tunnel/mux.ts";
import { ReceiveWindow, WindowBudget } from "../../shared/tunnel/receiveWindow.ts";
import type { TunnelStream } from "../../shared/tunnel/stream.ts";
import { echoOf, open, RelayLab, SUBMISSION, sample } from "../testing/relayLab.ts";

const GREEDY = 99;
const PIECE = sample(256 * 1024);

/** Writes as much as is taken. */
const pump =
  (stream: TunnelStream, isOver: () => boolean): (() => void) =>
  () => {
    while (!isOver() && stream.room > 0) stream.write(PIECE);
  };

/** Reads all that comes, and counts it. */
const drain = (stream: TunnelStream, { write = () => {} }: { write?: () => void } = {}) => {
  const window = new ReceiveWindow(stream, new WindowBudget(64 * 1024 * 1024));
  const read = { bytes: 0 };
  stream.handle({
    accepted: write,
    data: (piece) => {
      read.bytes += piece.length;
      window.came(piece.length);
      window.consumed(piece.length);
    },
    credit: write,
    blocked: () => window.blocked(),
    ended: () => {},
    closed: () => window.release(),
  });
  return read;
};

/** A host whose port 99 sends, or takes, as much as it can; all others send back what they get. */
class Busy implements AsyncDisposable {
  readonly lab = new RelayLab();
  isOver = false;
  readonly taken: { share: string }[] = [];

  constructor() {
    const { onStream } = this.lab;
    this.lab.onStream = (incoming, request) => {
      const { to } = request as { to: { port: number } };
      if (to.port === GREEDY) this.#serve(incoming);
      else onStream(incoming, request);
    };
  }

  #serve({ stream, accept }: IncomingStream): void {
    const write = pump(stream, () => this.isOver);
    drain(stream, { write });
    this.taken.push({ share: stream.share });
    accept(null);
    write();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.isOver = true;
    await this.lab[Symbol.asyncDispose]();
  }
}

const percentile = (values: readonly number[], part: number): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length * part)] ?? 0;

const MIB = 1024 * 1024;

test("500 streams, one greedy: the others are answered while it moves some megabytes", async () => {
  await using busy = new Busy();
  const client = busy.lab.dial("/ada");
  const greedy = drain(open(client, GREEDY));
  await waitFor("the greedy one", () => greedy.bytes > 4 * MIB);
  const moved: number[] = [];
  const askOnce = async () => {
    const before = greedy.bytes;
    await echoOf(open(client), sample(100));
    moved.push(greedy.bytes - before);
  };
  await Promise.all(Array.from({ length: 499 }, askOnce));
  expect(percentile(moved, 0.99)).toBeLessThan(16 * MIB);
  const alone: number[] = [];
  for (let round = 0; round < 50; round += 1) {
    const before = greedy.bytes;
    await echoOf(open(client), sample(100));
    alone.push(greedy.bytes - before);
  }
  expect(percentile(alone, 0.9)).toBeLessThan(4 * MIB);
}, 60_000);

test("who shares a host's link is told to the host, and not who it is", async () => {
  await using busy = new Busy();
  const clients = ["/ada", "/ada", "/bob"].map((path) => busy.lab.dial(path));
  for (const client of clients) drain(open(client, GREEDY));
  await waitFor("all of them", () => busy.taken.length === 3);
  const byShare = Map.groupBy(busy.taken, ({ share }) => share);
  expect([...byShare.values()].map(({ length }) => length).toSorted()).toEqual([1, 2]);
  for (const { share } of busy.taken) expect(share).not.toMatch(/^$|ada|bob/);
});

test("a reader who takes nothing costs the coordinator no more than may wait, and others nothing", async () => {
  await using lab = new RelayLab({ limits: { memoryBytesPerUser: 16 * MIB, memoryBytes: 64 * MIB } });
  const { onStream } = lab;
  lab.onStream = (incoming, request) => {
    const { to } = request as { to: { port: number } };
    if (to.port !== GREEDY) {
      onStream(incoming, request);
      return;
    }
    const { stream, accept } = incoming;
    const write = pump(stream, () => false);
    stream.handle({
      accepted: () => {},
      data: () => {},
      credit: write,
      blocked: () => {},
      ended: () => {},
      closed: () => {},
    });
    accept(null);
    write();
  };
  // Grants as much as anybody may, and never says that anything has come.
  const socket = new WebSocket(`${lab.url}/eve?session=${crypto.randomUUID()}&received=0`);
  await waitFor("the connection", () => socket.readyState === WebSocket.OPEN);
  const request = {
    submission_id: SUBMISSION,
    to: { kind: "port", port: GREEDY },
  };
  for (let count = 0; count < 40; count += 1)
    socket.send(encodeFrame(FrameType.open, 2 * count + 1, encodeJson({ granted: 16 * MIB, request })));
  let most = 0;
  const look = setInterval(() => {
    most = Math.max(most, lab.relay.figures.waitingBytes);
  }, 1);
  const bob = lab.dial("/bob");
  for (let round = 0; round < 30; round += 1)
    expect(await echoOf(open(bob), sample(500_000))).toHaveLength(500_000);
  await waitFor("much to wait", () => most > 8 * MIB);
  clearInterval(look);
  expect(most).toBeLessThan(17 * MIB);
  socket.close();
}, 30_000);
