import { expect, test } from "bun:test";
import { join } from "node:path";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { isLocked, tryLock, withLock } from "./fileLock.ts";

test("a lock is one's own until it is given back", () => {
  using dir = tempDir();
  const path = join(dir.path, "lock");
  expect(isLocked(path)).toBe(false);
  const lock = tryLock(path);
  expect([lock !== undefined, tryLock(path), isLocked(path)]).toEqual([true, undefined, true]);
  lock?.[Symbol.dispose]();
  expect(isLocked(path)).toBe(false);
});

test("whoever has it is waited for, and not for ever; what fails gives it back", () => {
  using dir = tempDir();
  const path = join(dir.path, "folder", "lock");
  expect(() =>
    withLock(path, () => {
      throw new Error("it fails");
    }),
  ).toThrow("it fails");
  expect(withLock(path, () => 1)).toBe(1);
  using _ = tryLock(path);
  expect(() => withLock(path, () => 2)).toThrow("for too long");
});

test("the stock client's library takes the same lock", async () => {
  using dir = tempDir();
  const path = join(dir.path, "lock");
  const script =
    "import fcntl, sys\nwith open(sys.argv[1], 'a') as f: fcntl.flock(f, fcntl.LOCK_EX); print('here', flush=True); sys.stdin.read()";
  const child = Bun.spawn(["python3", "-c", script, path], { stdin: "pipe", stdout: "pipe" });
  for await (const _ of child.stdout) break;
  expect(isLocked(path)).toBe(true);
  child.stdin.end();
  await child.exited;
  expect(isLocked(path)).toBe(false);
});
