import { expect, test } from "bun:test";
import { join } from "node:path";
import { silentLogger } from "../../shared/log.ts";
import { FakeClock } from "../../shared/testing/fakeClock.ts";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { anAssignment } from "../testing/anAssignment.ts";
import { Silence } from "./silence.ts";

const LIMIT_MS = 120_000;

const setUp = () => {
  const dir = tempDir();
  const clock = new FakeClock();
  const ended: string[] = [];
  const open = (isSameBoot = true) =>
    new Silence({
      clock,
      log: silentLogger,
      path: join(dir.path, "answered"),
      isSameBoot,
      onWatch: () => {},
      onSilence: (id) => ended.push(id),
    });
  return { clock, ended, open, silence: open(), [Symbol.dispose]: () => dir[Symbol.dispose]() };
};

const limited = () => anAssignment({ stop_if_silent_ms: LIMIT_MS });

test("a job ends when no sync was answered for its limit, counted from when that sync was sent", () => {
  using t = setUp();
  const job = limited();
  t.silence.watch(job);
  t.clock.advance(100_000);
  t.silence.answered(t.clock.steady() - 45_000);
  t.clock.advance(LIMIT_MS - 45_000 - 1);
  expect(t.ended).toEqual([]);
  t.clock.advance(1);
  expect(t.ended).toEqual([job.submission_id]);
});

test("a job without a limit goes on for ever, and so does one that is forgotten", () => {
  using t = setUp();
  const job = limited();
  t.silence.watch(anAssignment());
  t.silence.watch(job);
  t.silence.unwatch(job.submission_id);
  t.clock.advance(10 * LIMIT_MS);
  expect(t.ended).toEqual([]);
});

test("a process that ends before any further answer leaves the time of the first one", () => {
  using t = setUp();
  const job = limited();
  t.silence.watch(job);
  t.silence.close();
  t.clock.advance(LIMIT_MS - 10);
  t.open().watch(job);
  t.clock.advance(10);
  expect(t.ended).toEqual([job.submission_id]);
});

test("a process of the agent that starts later counts from the last answer, too", () => {
  using t = setUp();
  const job = limited();
  t.silence.watch(job);
  t.silence.answered(t.clock.steady());
  t.silence.close();
  t.clock.advance(LIMIT_MS - 10);
  const after = t.open();
  after.watch(job);
  t.clock.advance(9);
  expect(t.ended).toEqual([]);
  t.clock.advance(1);
  expect(t.ended).toEqual([job.submission_id]);
});

test("what was noted before the host was started anew says nothing", () => {
  using t = setUp();
  t.silence.watch(limited());
  t.silence.close();
  t.clock.advance(LIMIT_MS - 1);
  const job = limited();
  t.open(false).watch(job);
  t.clock.advance(LIMIT_MS - 1);
  expect(t.ended).toEqual([]);
  t.clock.advance(1);
  expect(t.ended).toEqual([job.submission_id]);
});

test("what is over stays so, whatever is answered afterwards, and is told once", () => {
  using t = setUp();
  const job = limited();
  t.silence.watch(job);
  t.silence.close();
  t.clock.advance(LIMIT_MS);
  const next = t.open();
  next.watch(job);
  expect(t.ended).toEqual([job.submission_id]);
  next.answered(t.clock.steady());
  t.clock.advance(2 * LIMIT_MS);
  next.answered(t.clock.steady());
  expect(t.ended).toEqual([job.submission_id]);
});

test("a timer that is late loses to no answer", () => {
  const dir = tempDir();
  using _ = dir;
  const ended: string[] = [];
  const clock = new FakeClock();
  // As in a process that was busy: time has passed, and no timer has fired.
  const late = { ...clock, now: () => clock.now(), steady: () => clock.steady(), after: () => () => {} };
  const path = join(dir.path, "answered");
  const more = { isSameBoot: true, onWatch: () => {}, onSilence: (id: string) => ended.push(id) };
  const silence = new Silence({ clock: late, log: silentLogger, path, ...more });
  const job = limited();
  silence.watch(job);
  clock.advance(LIMIT_MS + 1);
  silence.answered(clock.steady());
  expect(ended).toEqual([job.submission_id]);
});
