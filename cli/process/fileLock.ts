import { closeSync, existsSync, mkdirSync, openSync } from "node:fs";
import { dirname } from "node:path";
import { AppError } from "../../shared/errors.ts";
import { libc } from "./libc.ts";

const [LOCK_EX, LOCK_NB] = [2, 4];
const PAUSE_MS = 5;
/** Whoever has it holds it for a few file operations; a process that is stopped meanwhile is not waited for. */
const PATIENCE_MS = 3_000;

/**
 * The lock of a file (flock(2), as the stock client's library takes it), if nobody else has it. The system takes it back
 * from a process that ends, however it ends.
 */
export const tryLock = (path: string): Disposable | undefined => {
  const c = libc();
  if (!c) throw new AppError("unsupported", `Cannot lock ${path}: the C library cannot be loaded`);
  const fd = openSync(path, "a", 0o600);
  if (c.flock(fd, LOCK_EX | LOCK_NB) === 0) return { [Symbol.dispose]: () => closeSync(fd) };
  closeSync(fd);
  return undefined;
};

/** Whether somebody has the lock now. */
export const isLocked = (path: string): boolean => {
  if (!existsSync(path)) return false;
  using lock = tryLock(path);
  return lock === undefined;
};

/** Does something while nobody else does. Waits without letting anything else happen: also a signal's handler calls it. */
export const withLock = <T>(path: string, act: () => T): T => {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  for (let leftMs = PATIENCE_MS; ; leftMs -= PAUSE_MS) {
    using lock = tryLock(path);
    if (lock) return act();
    if (leftMs <= 0)
      throw new AppError("unavailable", `Another process has had the lock ${path} for too long`);
    Bun.sleepSync(PAUSE_MS);
  }
};
