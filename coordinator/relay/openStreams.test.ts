import { beforeEach, expect, test } from "bun:test";
import { silentLogger } from "../../shared/log.ts";
import { FakeClock } from "../../shared/testing/fakeClock.ts";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { type Holder, StreamRefusal } from "./holder.ts";
import { type OpenStream, OpenStreams } from "./openStreams.ts";

type Judge = () => Promise<"stays" | "over">;

let clock: FakeClock;
let aborted: string[];
beforeEach(() => {
  clock = new FakeClock(0);
  aborted = [];
});

const open = (limits: { idleMs?: number; longestMs?: number } = {}) =>
  new OpenStreams({ clock, log: silentLogger, limits: { idleMs: 0, longestMs: 0, ...limits } });

const holderOf = (recheck: Judge): Holder => ({
  userId: "ann",
  username: "ann",
  project: { id: "main", name: "main" },
  address: "127.0.0.1",
  check: async () => void (await recheck()),
  find: () => Promise.reject(new Error("not asked for here")),
  recheck,
});

/** A stream of which some bytes have gone; `move`: some more. */
const aStream = (
  streams: OpenStreams,
  {
    submission = "s",
    recheck = async () => "stays" as const,
    up = () => true,
  }: { submission?: string; recheck?: Judge; up?: () => boolean } = {},
) => {
  const far = { sentBytes: 1, receivedBytes: 0 };
  const stream: OpenStream = {
    holder: holderOf(recheck),
    destination: {
      instanceId: "host",
      request: { submission_id: submission, to: { kind: "port", port: 80 } },
      run: { id: `run of ${submission}`, name: "web", project_id: "main" },
      jobName: "web-0-0",
    },
    far: far as OpenStream["far"],
    isUp: up,
    abort: ({ code, message }) => {
      streams.remove(stream);
      aborted.push(`${submission} ${code}: ${message}`);
    },
  };
  streams.add(stream);
  return {
    move: () => {
      far.receivedBytes += 1;
    },
  };
};

/** Lets what was begun come to its end. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

const seconds = async (count: number, each: () => void = () => {}): Promise<void> => {
  for (let second = 0; second < count; second += 1) {
    each();
    clock.advance(1_000);
  }
  await settle();
};

test("only what belongs to what was written is looked at again; without a name, everything", async () => {
  const streams = open();
  const looked: string[] = [];
  for (const submission of ["a", "b"])
    aStream(streams, {
      submission,
      recheck: async () => {
        looked.push(submission);
        return "stays";
      },
    });
  streams.changed({ submissionId: "a" });
  await settle();
  streams.changed({ runId: "run of b" });
  await settle();
  streams.changed({ runId: "another" });
  await settle();
  expect(looked).toEqual(["a", "b"]);
  streams.changed();
  await settle();
  expect(looked).toEqual(["a", "b", "a", "b"]);
});

test("what is written while it is looked is looked at, too", async () => {
  const streams = open();
  let isAllowed = true;
  const gate = Promise.withResolvers<void>();
  aStream(streams, {
    recheck: async () => {
      const answer = isAllowed;
      await gate.promise;
      if (!answer) throw new StreamRefusal("forbidden", "no more");
      return "stays";
    },
  });
  streams.changed();
  isAllowed = false;
  streams.changed();
  gate.resolve();
  await settle();
  expect(aborted).toEqual(["s aborted: no more"]);
});

test("a job that is over has what is on its way: as long as it moves, and the links are up", async () => {
  const streams = open();
  const over = { recheck: async () => "over" as const };
  aStream(streams, { ...over, submission: "still" });
  const moving = aStream(streams, { ...over, submission: "moving" });
  let isUp = false;
  aStream(streams, { ...over, submission: "cut off", up: () => isUp });
  streams.changed();
  await settle();
  await seconds(10, moving.move);
  expect(aborted).toEqual(["still aborted: The job has ended"]);
  isUp = true;
  await seconds(6, moving.move);
  expect(aborted.slice(1)).toEqual(["cut off aborted: The job has ended"]);
  await seconds(60, moving.move);
  expect(aborted.slice(2)).toEqual(["moving aborted: The job has ended"]);
});

test("a stream in which nothing moves ends when it was to, and one that lasts too long", async () => {
  const streams = open({ idleMs: 10_000, longestMs: 60_000 });
  aStream(streams, { submission: "idle" });
  const busy = aStream(streams, { submission: "busy" });
  await seconds(20, busy.move);
  expect(aborted).toEqual(["idle aborted: Nothing moved for 10 seconds"]);
  await seconds(45, busy.move);
  expect(aborted.slice(1)).toEqual(["busy aborted: A stream lasts 60 seconds at most"]);
});

test("a link is looked at when it begins, and when anything was written", async () => {
  const streams = open();
  const closed: string[] = [];
  let refusal: string | undefined = "before it was open";
  const recheck: Judge = async () => {
    if (refusal !== undefined) throw new StreamRefusal("forbidden", refusal);
    return "stays";
  };
  const aLink = () => ({ holder: holderOf(recheck), close: (reason: string) => void closed.push(reason) });
  const first = aLink();
  streams.addLink(first);
  await settle();
  streams.removeLink(first);
  refusal = undefined;
  streams.addLink(aLink());
  streams.changed();
  await settle();
  refusal = "now";
  streams.changed({ submissionId: "of somebody" });
  await settle();
  expect(closed).toEqual(["before it was open"]);
  streams.changed();
  await settle();
  expect(closed).toEqual(["before it was open", "now"]);
});

test("where the store is away it is looked again, until it is back", async () => {
  const streams = open();
  let answers = [new Error("the database is away"), new StreamRefusal("forbidden", "no more")];
  aStream(streams, {
    recheck: async () => {
      const [next, ...rest] = answers;
      answers = rest;
      throw next;
    },
  });
  streams.changed();
  await settle();
  expect(aborted).toEqual([]);
  clock.advance(1_000);
  await waitFor("the next look", () => aborted.length === 1);
});
