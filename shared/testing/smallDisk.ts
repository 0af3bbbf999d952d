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
  if (!canMount()) {
    test.skip(`${name} [needs to mount a tmpfs]`, () => {});
    return;
  }
  test(name, async () => {
    using disk = smallDisk();
    await run(disk);
  });
};

/** Root alone may, and not in every container. */
const canMount = (): boolean => {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return false;
  using dir = tempDir();
  if (!mount(dir.path).success) return false;
  unmount(dir.path);
  return true;
};

const smallDisk = (): SmallDisk => {
  const dir = tempDir();
  const { success, stderr } = mount(dir.path);
  if (!success) throw new Error(`Cannot mount a tmpfs: ${stderr.toString().trim()}`);
  const filler = join(dir.path, "filler");
  return {
    path: dir.path,
    fill: (isFull) => {
      rmSync(filler, { force: true });
      for (let bytes = 1024 ** 2; isFull && bytes > 0; bytes = Math.floor(bytes / 2)) fillBy(filler, bytes);
    },
    [Symbol.dispose]: () => {
      unmount(dir.path);
      dir[Symbol.dispose]();
    },
  };
};

const mount = (path: string) =>
  Bun.spawnSync(["mount", "-t", "tmpfs", "-o", "size=1m,mode=700", "dstack-test", path]);

const unmount = (path: string): void => {
  const { success, stderr } = Bun.spawnSync(["umount", "--lazy", path]);
  if (!success) throw new Error(`Cannot unmount ${path}: ${stderr.toString().trim()}`);
};

const fillBy = (path: string, bytes: number): void => {
  try {
    for (;;) writeFileSync(path, Buffer.alloc(bytes), { flag: "a" });
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code !== "ENOSPC") throw err;
  }
};
