import { expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { appendFileSync, readdirSync, readlinkSync, rmSync } from "node:fs";
import fc from "fast-check";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { LogStore } from "./logStore.ts";

const ID = "9a4f7c1e-8f3b-4b55-a1a2-6c1f0f6f2d10";
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const bytes = (value: string) => new TextEncoder().encode(value);

test("append() skips what is held, refuses a gap and always answers the held length", async () => {
  using dir = tempDir();
  const store = new LogStore(dir.path);
  expect(await store.append(ID, bytes("hello"), { offset: 0, at: 1 })).toBe(5);
  expect(await store.append(ID, bytes("hello"), { offset: 0, at: 1 })).toBe(5);
  expect(await store.append(ID, bytes("lo world"), { offset: 3, at: 1 })).toBe(11);
  expect(await store.append(ID, bytes("far"), { offset: 50, at: 1 })).toBe(11);
  expect(text(await store.read(ID, 0, 100))).toBe("hello world");
  expect(text(await store.read(ID, 6, 3))).toBe("wor");
  expect(await store.read(ID, 11, 10)).toHaveLength(0);
  await store.close();
});

test("a question or a repeat that comes when all is finished opens nothing", async () => {
  using dir = tempDir();
  const store = new LogStore(dir.path);
  const openFiles = () =>
    readdirSync("/proc/self/fd").filter((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`).startsWith(dir.path);
      } catch {
        // That of the listing itself.
        return false;
      }
    });
  await store.append(ID, bytes("hello"), { offset: 0, at: 1 });
  expect(openFiles().length).toBeGreaterThan(0);
  await store.finish(ID);
  expect(await store.append(ID, bytes(""), { offset: 5, at: 1 })).toBe(5);
  expect(await store.append(ID, bytes("lo"), { offset: 3, at: 1 })).toBe(5);
  expect(openFiles()).toEqual([]);
});

test("a store opened again goes on where the file ends", async () => {
  using dir = tempDir();
  const first = new LogStore(dir.path);
  await first.append(ID, bytes("one "), { offset: 0, at: 1000 });
  await first.close();
  const second = new LogStore(dir.path);
  expect(await second.length(ID)).toBe(4);
  await second.append(ID, bytes("two"), { offset: 4, at: 2000 });
  expect(second.times(ID).timeAt(5)).toBe(2000);
  expect(await second.digest(ID)).toBe(createHash("sha256").update("one two").digest("hex"));
  await second.close();
});

test("times: when a byte was produced, and where the output after a moment begins", async () => {
  using dir = tempDir();
  const store = new LogStore(dir.path);
  expect(store.times(ID).timeAt(0)).toBeUndefined();
  await store.append(ID, bytes("aa"), { offset: 0, at: 1000 });
  await store.append(ID, bytes("bb"), { offset: 2, at: 5000 });
  expect([0, 1, 2, 3].map((offset) => store.times(ID).timeAt(offset))).toEqual([1000, 1000, 5000, 5000]);
  expect(await store.offsetAfter(ID, 999)).toBe(0);
  expect(await store.offsetAfter(ID, 1000)).toBe(2);
  expect(await store.offsetAfter(ID, 5000)).toBe(4);
  await store.close();
});

test("a torn mark at the end of the time index is ignored, and written over", async () => {
  using dir = tempDir();
  const first = new LogStore(dir.path);
  await first.append(ID, bytes("a"), { offset: 0, at: 1000 });
  await first.close();
  appendFileSync(`${dir.path}/${ID.slice(0, 2)}/${ID}.times`, "torn");
  const second = new LogStore(dir.path);
  expect(second.times(ID).timeAt(0)).toBe(1000);
  await second.append(ID, bytes("b"), { offset: 1, at: 2000 });
  await second.close();
  const times = new LogStore(dir.path).times(ID);
  expect([times.timeAt(1), times.offsetAfter(1000)]).toEqual([2000, 1]);
});

test("the times of a long log are read once for all that is asked of them", async () => {
  using dir = tempDir();
  const store = new LogStore(dir.path);
  for (let at = 0; at < 200; at++) await store.append(ID, bytes("x"), { offset: at, at: at * 150 });
  await store.finish(ID);
  const times = store.times(ID);
  rmSync(`${dir.path}/${ID.slice(0, 2)}/${ID}.times`);
  for (let at = 0; at < 200; at++) {
    expect(times.timeAt(at)).toBe(at * 150);
    expect(times.offsetAfter(at * 150)).toBe(at < 199 ? at + 1 : undefined);
  }
});

test("followers hear of every append until they unsubscribe", async () => {
  using dir = tempDir();
  const store = new LogStore(dir.path);
  let heard = 0;
  const stop = store.onAppend(ID, () => heard++);
  await store.append(ID, bytes("a"), { offset: 0, at: 1 });
  await store.append(ID, bytes("a"), { offset: 0, at: 1 });
  stop();
  await store.append(ID, bytes("b"), { offset: 1, at: 1 });
  expect(heard).toBe(1);
  await store.close();
});

test("whatever is sent, repeated or reordered, what is held is a beginning of the output", async () => {
  const output = bytes("0123456789".repeat(20));
  const piece = fc.record({ offset: fc.nat({ max: 220 }), size: fc.nat({ max: 60 }) });
  await fc.assert(
    fc.asyncProperty(fc.array(piece, { maxLength: 30 }), async (pieces) => {
      using dir = tempDir();
      const store = new LogStore(dir.path);
      for (const { offset, size } of pieces) {
        const held = await store.append(ID, output.subarray(offset, offset + size), { offset, at: 1 });
        expect(text(await store.read(ID, 0, 1000))).toBe(text(output.subarray(0, held)));
      }
      await store.close();
    }),
    { numRuns: 50 },
  );
});
