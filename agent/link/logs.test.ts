import { expect, test } from "bun:test";
import { appendFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { silentLogger } from "../../shared/log.ts";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { findCut, SpoolSpace } from "../jobs/spoolSpace.ts";
import { anAssignment } from "../testing/anAssignment.ts";
import { FakeCoordinator, type FakeSubmission } from "../testing/fakeCoordinator.ts";
import { joinFake } from "../testing/joinFake.ts";
import { uploadLog } from "./logs.ts";

const MIB = 1024 ** 2;

const finish = (submission: FakeSubmission, bytes: number) =>
  submission.reports.push({
    submission_id: submission.assignment.submission_id,
    sequence: 1,
    at: 0,
    fact: { state: "finished", reason: "done_by_runner", message: "", exit_status: 0, log_bytes: bytes },
  });

const upload = async (
  coordinator: FakeCoordinator,
  spoolPath: string,
  isResumed = false,
  space?: SpoolSpace,
) => {
  const submission = [...coordinator.submissions.values()].at(-1) ?? coordinator.assign(anAssignment());
  const stop = new AbortController();
  const link = await joinFake(coordinator);
  const fenced: string[] = [];
  const log = uploadLog(
    { link, log: silentLogger, onFenced: (id) => fenced.push(id), ...(space ? { space } : {}) },
    { submissionId: submission.assignment.submission_id, spoolPath, isResumed, signal: stop.signal },
  );
  return { submission, log, stop, fenced };
};

test("whatever is lost, repeated or forgotten on the way, the coordinator ends with the same bytes", async () => {
  await using coordinator = new FakeCoordinator();
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.uint8Array({ minLength: 1, maxLength: 300 }).map((bytes) => ({ bytes })) },
    fc.record({ loseTail: fc.integer({ min: 1, max: 400 }) }),
    fc.record({ status: fc.constantFrom(500, 502, 503) }),
    fc.record({ restart: fc.constant(true) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      using dir = tempDir();
      const spool = join(dir.path, "spool");
      writeFileSync(spool, "");
      coordinator.submissions.clear();
      let { submission, log, stop } = await upload(coordinator, spool);
      const written: Uint8Array[] = [];
      for (const one of steps) {
        coordinator.faults = {};
        if ("bytes" in one) {
          written.push(one.bytes);
          appendFileSync(spool, one.bytes);
          log.grown();
        }
        if ("loseTail" in one)
          submission.log = submission.log.subarray(0, Math.max(0, submission.log.length - one.loseTail));
        if ("status" in one) coordinator.faults = { status: one.status };
        if ("restart" in one) {
          stop.abort();
          await log.done;
          ({ log, stop } = await upload(coordinator, spool, true));
        }
        // Lets requests of all ages be under way when the next thing happens.
        await Promise.resolve();
      }
      coordinator.faults = {};
      const all = Buffer.concat(written);
      finish(submission, all.length);
      log.close();
      log.retry();
      await log.done;
      expect(submission.log.equals(all)).toBe(true);
      expect(submission.isComplete).toBe(true);
    }),
    { numRuns: 60 },
  );
}, 60_000);

test("bytes that come while a request is in flight go together with the next", async () => {
  await using coordinator = new FakeCoordinator();
  using dir = tempDir();
  const spool = join(dir.path, "spool");
  let requests = 0;
  coordinator.faults = { onLog: () => requests++ };
  const { submission, log } = await upload(coordinator, spool);
  for (let at = 0; at < 200; at++) {
    appendFileSync(spool, "x");
    log.grown();
  }
  await waitFor("all bytes", () => submission.log.length === 200);
  expect(requests).toBeLessThan(20);
  finish(submission, 200);
  log.close();
  await log.done;
});

test("a coordinator that waits for more output than there is, is asked ever more seldom", async () => {
  await using coordinator = new FakeCoordinator();
  using dir = tempDir();
  const spool = join(dir.path, "spool");
  const asked: number[] = [];
  coordinator.faults = { onLog: () => void asked.push(performance.now()) };
  const { submission, log, stop } = await upload(coordinator, spool);
  writeFileSync(spool, "x");
  finish(submission, 2);
  log.close();
  await waitFor("it to be asked some times", () => asked.length === 7);
  // After 100 ms at first, and twice as long each time.
  expect((asked[6] ?? 0) - (asked[5] ?? 0)).toBeGreaterThan(300);
  stop.abort();
  await log.done;
});

test("a job without output has its end confirmed, and a fenced one is given up", async () => {
  await using coordinator = new FakeCoordinator();
  using dir = tempDir();
  const first = await upload(coordinator, join(dir.path, "none"));
  finish(first.submission, 0);
  first.log.close();
  await first.log.done;
  expect(first.submission.isComplete).toBe(true);

  const second = await upload(coordinator, join(dir.path, "spool"));
  coordinator.submissions.clear();
  writeFileSync(join(dir.path, "spool"), "x");
  second.log.grown();
  await second.log.done;
  expect(second.fenced).toEqual([second.submission.assignment.submission_id]);
});

test("what the coordinator holds may leave the disk; one that loses it gets words of the same length", async () => {
  await using coordinator = new FakeCoordinator();
  using dir = tempDir();
  const spool = join(dir.path, "spool");
  writeFileSync(spool, Buffer.alloc(4 * MIB, "a"));
  const space = new SpoolSpace({ log: silentLogger, maxBytes: MIB, pieceBytes: MIB });
  const { submission, log, stop } = await upload(coordinator, spool, false, space);
  log.grown();
  await waitFor("all to be held", () => submission.log.length === 4 * MIB);
  await waitFor("the space to be given back", () => findCut(spool) >= 3 * MIB);
  expect(Buffer.from(submission.log).every((byte) => byte === 97)).toBe(true);
  submission.log = submission.log.subarray(0, 2 * MIB);
  appendFileSync(spool, "end");
  log.grown();
  await waitFor("all to be held again", () => submission.log.length === 4 * MIB + 3);
  const again = Buffer.from(submission.log)
    .subarray(2 * MIB)
    .toString();
  expect(again).toMatch(/^\r\n\[dstack\] output that was here is lost: .*\r\n\n/);
  expect(again).toEndWith("end");
  stop.abort();
});

test("output that came before a time is not among that from it on", async () => {
  using dir = tempDir();
  const spool = join(dir.path, "spool");
  writeFileSync(spool, "");
  await using coordinator = new FakeCoordinator();
  const { log, stop } = await upload(coordinator, spool);
  appendFileSync(spool, "first\n");
  log.grown();
  const now = Date.now();
  expect(log.offsetAt(0)).toBe(0);
  // What came within a second is one part.
  expect(log.offsetAt(now)).toBe(0);
  expect(log.offsetAt(now + 2_000)).toBe(6);
  stop.abort();
});
