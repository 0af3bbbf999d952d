import { expect, test } from "bun:test";
import { AppError } from "../../shared/errors.ts";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { lockFolder } from "./folderLock.ts";

test("a folder has one user at a time", () => {
  using dir = tempDir();
  {
    using _first = lockFolder(dir.path);
    expect(() => lockFolder(dir.path)).toThrow(`Another process uses the folder ${dir.path}`);
  }
  lockFolder(dir.path)[Symbol.dispose]();
});

test("a process that is killed leaves no lock behind", async () => {
  using dir = tempDir();
  const script = `import { lockFolder } from ${JSON.stringify(`${import.meta.dir}/folderLock.ts`)};
    const lock = lockFolder(${JSON.stringify(dir.path)});
    console.log("locked");
    setInterval(() => lock, 1000);`;
  const holder = Bun.spawn([process.execPath, "-e", script], { stdout: "pipe" });
  await holder.stdout.getReader().read();
  expect(() => lockFolder(dir.path)).toThrow(AppError);
  holder.kill("SIGKILL");
  await holder.exited;
  lockFolder(dir.path)[Symbol.dispose]();
});

test("a folder that cannot be written is refused in words", () => {
  expect(() => lockFolder("/proc/nowhere")).toThrow("Cannot use the folder /proc/nowhere");
});
