import { expect, test } from "bun:test";
import fc from "fast-check";
import { tempDir } from "../../../shared/testing/tempDir.ts";
import { LogStore } from "../../logs/logStore.ts";
import { logBegin } from "./logBegin.ts";

const NOTHING = { run_name: "r", job_submission_id: crypto.randomUUID(), follow: false };

const openLog = async (pieces: readonly string[]) => {
  const dir = tempDir();
  const logs = new LogStore(dir.path);
  const id = crypto.randomUUID();
  let offset = 0;
  for (const [at, piece] of pieces.entries()) {
    const bytes = new TextEncoder().encode(piece);
    await logs.append(id, bytes, { offset, at: (at + 1) * 1000 });
    offset += bytes.length;
  }
  const restOf = async (wish: { tail?: number; after?: number; offset?: number }) => {
    const begin = await logBegin({ logs }, id, {
      ...NOTHING,
      offset: wish.offset ?? 0,
      start_time: wish.after === undefined ? null : new Date(wish.after).toISOString(),
      tail_lines: wish.tail ?? null,
    });
    return new TextDecoder().decode(await logs.read(id, begin, 10_000_000));
  };
  return {
    restOf,
    [Symbol.asyncDispose]: async () => {
      await logs.close();
      dir[Symbol.dispose]();
    },
  };
};

test("an answer begins at the furthest of the offset, the time and the lines that were asked for", async () => {
  await using log = await openLog(["one\n", "two\n", "thr", "ee\nfour"]);
  expect(await log.restOf({})).toBe("one\ntwo\nthree\nfour");
  expect(await log.restOf({ offset: 5 })).toBe("wo\nthree\nfour");
  expect(await log.restOf({ after: 1000 })).toBe("two\nthree\nfour");
  expect(await log.restOf({ after: 1000, offset: 9 })).toBe("hree\nfour");
  expect(await log.restOf({ tail: 2 })).toBe("three\nfour");
  expect(await log.restOf({ tail: 3, after: 2000 })).toBe("three\nfour");
  expect(await log.restOf({ tail: 0 })).toBe("");
  expect(await log.restOf({ after: 9000 })).toBe("");
});

test("the last lines are those that tail(1) shows", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.constantFrom("", "a", "bb", "\n", "\n\n", "x".repeat(300_000)), { maxLength: 6 }),
      fc.nat(5),
      async (pieces, lines) => {
        await using log = await openLog(pieces.filter((piece) => piece !== ""));
        const all = pieces.join("").split(/(?<=\n)/);
        expect(await log.restOf({ tail: lines })).toBe(lines === 0 ? "" : all.slice(-lines).join(""));
      },
    ),
    { numRuns: 60 },
  );
});
