import { Database } from "bun:sqlite";
import { join } from "node:path";
import { AppError, messageOf } from "../../shared/errors.ts";

/**
 * Makes sure that no other process works in `folder`, until disposed or the process ends, however it ends: the
 * system drops the lock of an SQLite transaction with the process that held it.
 */
export const lockFolder = (folder: string): Disposable => {
  let lock: Database | undefined;
  try {
    lock = new Database(join(folder, "lock"), { create: true });
    lock.run("PRAGMA locking_mode = EXCLUSIVE");
    lock.run("BEGIN EXCLUSIVE");
  } catch (cause) {
    lock?.close();
    const isTaken = cause instanceof Error && "code" in cause && cause.code === "SQLITE_BUSY";
    throw new AppError(
      "unavailable",
      isTaken
        ? `Another process uses the folder ${folder}`
        : `Cannot use the folder ${folder}: ${messageOf(cause)}`,
      {
        cause,
        hint: isTaken
          ? "Stop it first, or choose another folder"
          : "Is it writable, and is there space left?",
      },
    );
  }
  const held = lock;
  return { [Symbol.dispose]: () => held.close() };
};
