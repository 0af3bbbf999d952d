import { test } from "bun:test";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tempDir } from "./tempDir.ts";

interface SmallDisk extends Disposable {
  path: string;
  /** Leaves no byte, or frees what it took. */
  fill(isFull: boolean): void;
}

/** A test with a disk of its own, which it may fill; skipped, with the reason in its name, where none can be made. */
export const testOnSmallDisk = (name: string, run: (disk: SmallDisk) => Promise<void>): void => {
  if (process.platform !== "linux" || process.getuid?.() !== 0) {
    test.skip(`${name} [needs root on Linux]`, () => {});
    return;
  }
  test(name, async () => {
    using disk = smallDisk();
    await run(disk);
  });
};

const smallDisk = (): SmallDisk => {
  const dir = tempDir();
  runOk(["mount", "-t", "tmpfs", "-o", "size=1m,mode=700", "dstack-test", dir.path]);
  const filler = join(dir.path, "filler");
  return {
    path: dir.path,
    fill: (isFull) => {
      rmSync(filler, { force: true });
      for (let bytes = 1024 ** 2; isFull && bytes > 0; bytes = Math.floor(bytes / 2)) fillBy(filler, bytes);
    },
    [Symbol.dispose]: () => {
      runOk(["umount", "--lazy", dir.path]);
      dir[Symbol.dispose]();
    },
  };
};

const fillBy = (path: string, bytes: number): void => {
  try {
    for (;;) writeFileSync(path, Buffer.alloc(bytes), { flag: "a" });
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code !== "ENOSPC") throw err;
  }
};

const runOk = (command: string[]): void => {
  const { success, stderr } = Bun.spawnSync(command);
  if (!success) throw new Error(`${command.join(" ")} failed: ${stderr.toString().trim()}`);
};
