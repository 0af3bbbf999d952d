import { expect, test } from "bun:test";
import { FakeClock } from "../../../shared/testing/fakeClock.ts";
import { tempDir } from "../../../shared/testing/tempDir.ts";
import { waitFor } from "../../../shared/testing/waitFor.ts";
import { hostRow, TestEngine } from "../../testing/testEngine.ts";
import { followLog } from "./followLog.ts";

const text = (bytes: Uint8Array | undefined) => new TextDecoder().decode(bytes);

const started = async (dir: string, clock: FakeClock) => {
  const engine = await TestEngine.open(dir, clock);
  const host = await engine.addHost(hostRow(0));
  await engine.submit("talker");
  const id = await engine.takeOne(host);
  await engine.running(host, id);
  const log = (output: string, offset: number) =>
    engine.link.appendLog(host, id, { bytes: new TextEncoder().encode(output), offset, at: clock.now() });
  const read = async ({ offset = 0, follow }: { offset?: number; follow: boolean }) => {
    const { run_id } = await engine.latest("talker");
    const deps = { db: engine.db, clock, logs: engine.logs, engine: engine.engine };
    return followLog(deps, { submissionId: id, runId: run_id, offset, follow }, new AbortController().signal);
  };
  const follow = (offset = 0) => read({ offset, follow: true });
  return { engine, host, id, log, read, follow };
};

test("followLog() ends with the last byte of a finished job, not before", async () => {
  using dir = tempDir();
  const { engine, host, id, log, follow } = await started(dir.path, new FakeClock());
  await using _ = engine;
  const pieces = await follow();
  await log("abc", 0);
  expect(text((await pieces.next()).value ?? undefined)).toBe("abc");
  await engine.finished(host, id, { exit: 0, logBytes: 5 });
  const next = pieces.next();
  await log("de", 3);
  expect(text((await next).value ?? undefined)).toBe("de");
  expect((await pieces.next()).done).toBe(true);
});

test("followLog() ends at once when all of the output was there before the end was known", async () => {
  using dir = tempDir();
  const { engine, host, id, log, follow } = await started(dir.path, new FakeClock());
  await using _ = engine;
  await log("abc", 0);
  const pieces = await follow();
  expect(text((await pieces.next()).value ?? undefined)).toBe("abc");
  const end = pieces.next();
  await engine.finished(host, id, { exit: 0, logBytes: 3 });
  expect((await end).done).toBe(true);
});

test("followLog() does not wait for ever for the rest of a host that is cut off", async () => {
  using dir = tempDir();
  const clock = new FakeClock();
  const { engine, host, id, log, follow } = await started(dir.path, clock);
  await using _ = engine;
  await log("abc", 0);
  await engine.finished(host, id, { exit: 0, logBytes: 5 });
  const pieces = await follow();
  expect(text((await pieces.next()).value ?? undefined)).toBe("abc");
  let isOver = false;
  const end = pieces.next().then(({ done }) => {
    isOver = done === true;
  });
  await waitFor("the end", () => {
    clock.advance(1_000);
    return isOver;
  });
  await end;
});

test("followLog() begins where it is told, behind what there is too", async () => {
  using dir = tempDir();
  const { engine, host, id, log, follow } = await started(dir.path, new FakeClock());
  await using _ = engine;
  await log("abc", 0);
  const pieces = await follow(4);
  const next = pieces.next();
  await log("def", 3);
  expect(text((await next).value ?? undefined)).toBe("ef");
  await engine.finished(host, id, { exit: 1, logBytes: 6 });
  await log("", 6);
  expect((await pieces.next()).done).toBe(true);
});

test("followLog() without following gives what there is of a running job, and the rest of one that is over", async () => {
  using dir = tempDir();
  const { engine, host, id, log, read } = await started(dir.path, new FakeClock());
  await using _ = engine;
  await log("abc", 0);
  const early = await read({ follow: false });
  expect(text((await early.next()).value ?? undefined)).toBe("abc");
  expect((await early.next()).done).toBe(true);
  await engine.finished(host, id, { exit: 0, logBytes: 5 });
  const late = await read({ follow: false });
  expect(text((await late.next()).value ?? undefined)).toBe("abc");
  const rest = late.next();
  await log("de", 3);
  expect(text((await rest).value ?? undefined)).toBe("de");
  expect((await late.next()).done).toBe(true);
});
