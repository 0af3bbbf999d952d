import { expect, test } from "bun:test";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { readTree } from "./processTree.ts";

test("readTree() has what the processes below a supervisor use, also when they have ended, and not its own", async () => {
  // The shell stands for the supervisor: its child burns until it has used 0.2 s, is waited for, and then sleeps.
  const burn = "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done";
  await using stack = new AsyncDisposableStack();
  const child = Bun.spawn(["sh", "-c", `sh -c '${burn}'; sh -c 'echo burnt; exec sleep 60' & wait`], {
    stdout: "pipe",
  });
  stack.defer(async () => {
    for (const pid of [...below, child.pid]) process.kill(pid, "SIGKILL");
    await child.exited;
  });
  const below: number[] = [];
  await child.stdout.getReader().read();
  const sleeping = await waitFor("the sleeping child", async () => {
    const text = await Bun.file(`/proc/${child.pid}/task/${child.pid}/children`).text();
    const pid = Number(text.trim().split(" ")[0]);
    return pid > 0 && pid;
  });
  below.push(sleeping);
  const used = readTree(child.pid);
  expect(used?.cpuUs).toBeGreaterThanOrEqual(20_000);
  expect(used?.memoryBytes).toBeGreaterThan(0);
  expect(used?.memoryBytes).toBeLessThan(100 * 1024 ** 2);
  expect(used?.workingSetBytes).toBeLessThanOrEqual(used?.memoryBytes ?? 0);
});

test("readTree() has nothing of a supervisor that is gone", async () => {
  const child = Bun.spawn(["true"]);
  await child.exited;
  expect(readTree(child.pid)).toBeUndefined();
});
