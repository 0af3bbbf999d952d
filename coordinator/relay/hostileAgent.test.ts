/** A host whose agent says what it likes: that costs it its own link, and others no more than what they asked it for. */
import { describe, expect, test } from "bun:test";
import { createLogger } from "../../shared/log.ts";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { decodeFrame, encodeFrame, FrameType } from "../../shared/tunnel/frame.ts";
import { echoOf, open, RelayLab, sample } from "../testing/relayLab.ts";

const text = (json: string): Uint8Array => new TextEncoder().encode(json);
const accept = (stream: number, json: string) => encodeFrame(FrameType.accept, stream, text(json));

/** Answers each request for a stream with these frames, over a bare WebSocket. */
const dialAs = async (lab: RelayLab, answer: (stream: number) => Uint8Array[]) => {
  const socket = new WebSocket(`${lab.url}/agent?session=${crypto.randomUUID()}&received=0`);
  socket.binaryType = "arraybuffer";
  let closed: { code: number; reason: string } | undefined;
  socket.onclose = ({ code, reason }) => {
    closed = { code, reason };
  };
  socket.onmessage = ({ data }: MessageEvent<ArrayBuffer>) => {
    const { type, stream } = decodeFrame(new Uint8Array(data));
    if (type === FrameType.open) for (const frame of answer(stream)) socket.send(frame);
  };
  await waitFor("the connection", () => socket.readyState !== WebSocket.CONNECTING);
  return { socket, closed: () => closed };
};

interface Case {
  what: string;
  answer: (stream: number) => Uint8Array[];
  /** What the client is told who has asked for the stream. */
  told: string;
  /** Why the link was closed; undefined: it goes on. */
  closed?: string;
}

const CASES: Case[] = [
  {
    what: "an answer that is longer when it is written again",
    answer: (stream) => [accept(stream, `{"granted":1,"answer":[${"1e20,".repeat(3_000)}1]}`)],
    told: "unavailable",
  },
  {
    what: "an answer in folds without end",
    answer: (stream) => [accept(stream, `{"granted":1,"answer":${"[".repeat(8_000)}${"]".repeat(8_000)}}`)],
    told: "accepted",
  },
  {
    what: "a stream of its own",
    answer: () => [encodeFrame(FrameType.open, 1, text(`{"granted":1,"request":{}}`))],
    told: "link_lost",
    closed: "Agents open no streams",
  },
  {
    what: "a stream that is accepted twice",
    answer: (stream) => [accept(stream, `{"granted":1}`), accept(stream, `{"granted":1}`)],
    told: "accepted",
    closed: "protocol error: nobody waits for stream 2 to be accepted",
  },
  {
    what: "more than it was granted",
    answer: (stream) => Array.from({ length: 5 }, () => encodeFrame(FrameType.data, stream, sample(65_536))),
    told: "link_lost",
    closed: "protocol error: data beyond the credit of stream 2",
  },
  {
    what: "credit for more than there is",
    answer: (stream) => [encodeFrame(FrameType.credit, stream, Uint8Array.of(255, 255, 255, 255))],
    told: "link_lost",
    closed: "protocol error: 4294967295 bytes of credit for stream 2",
  },
  {
    what: "frames for somebody else's stream",
    answer: () => [encodeFrame(FrameType.data, 4, sample(1))],
    told: "link_lost",
    closed: "protocol error: a frame for stream 4, which there never was",
  },
  {
    what: "a refusal that is as long as it may be",
    answer: (stream) => [
      encodeFrame(
        FrameType.reset,
        stream,
        text(JSON.stringify({ code: "refused", message: "\u0001".repeat(2_000) })),
      ),
    ],
    told: "refused",
  },
];

describe.each(CASES)("$what", ({ answer, told, closed }) => {
  test("ends where it came from", async () => {
    const lines: string[] = [];
    const log = createLogger({ level: "info", format: "json", write: (line) => void lines.push(line) });
    await using lab = new RelayLab({ log });
    const agent = await dialAs(lab, answer);
    const client = lab.dial("/ada");
    const { promise, resolve } = Promise.withResolvers<string>();
    open(client).handle({
      accepted: () => resolve("accepted"),
      data: () => {},
      credit: () => {},
      blocked: () => {},
      ended: () => {},
      closed: (failure) => resolve(failure?.code ?? "closed"),
    });
    expect(await promise).toBe(told);
    if (closed !== undefined) {
      await waitFor("its end", () => agent.closed());
      expect(agent.closed()).toEqual({ code: 4400, reason: closed });
      expect(lines.some((line) => line.includes(closed) && line.includes("host"))).toBe(true);
    }
    expect(client.mux.isUp).toBe(true);
    agent.socket.close();
    // Another agent takes its place, and the same client goes on.
    lab.agent();
    await waitFor(
      "the next one",
      async () => (await echoOf(open(client), sample(10)).catch(() => [])).length === 10,
    );
  });
});

test("of the links of one host the newest few are kept", async () => {
  await using lab = new RelayLab();
  const agents: Awaited<ReturnType<typeof dialAs>>[] = [];
  for (let count = 0; count < 6; count += 1) agents.push(await dialAs(lab, () => []));
  await waitFor("the ends", () => agents.filter(({ closed }) => closed()).length === 2);
  expect(agents.map(({ closed }) => closed()?.reason)).toEqual([
    ...Array.from({ length: 2 }, () => "Others took its place"),
    ...Array.from({ length: 4 }, () => undefined),
  ]);
});
