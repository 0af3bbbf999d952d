import { expect, test } from "bun:test";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { keepsWaitStatus } from "../testing/kernel.ts";
import { signalIn, watchProcess } from "./pidfd.ts";

test("a process that is not there is not watched", () => expect(watchProcess(2 ** 30)).toBeUndefined());

test.skipIf(!keepsWaitStatus())("the wait status of somebody else's child [needs Linux 6.15]", async () => {
  // A shell that stands for an init: it says 128+n for what its child was ended by, and for what exits so by itself.
  for (const [work, signal, code] of [
    ["kill -SEGV $$", 11, 0],
    ["exit 139", 0, 139],
  ] as const) {
    const init = Bun.spawn(["sh", "-c", `sh -c 'echo $$; read go; ${work}'; exit $?`], {
      stdin: "pipe",
      stdout: "pipe",
      stderr: "ignore",
    });
    const { value } = await init.stdout.getReader().read();
    using watched = watchProcess(Number(Buffer.from(value ?? []).toString()));
    expect(watched?.waitStatus()).toBeUndefined();
    init.stdin.write("\n");
    init.stdin.flush();
    expect(await init.exited).toBe(139);
    const status = await waitFor("the kernel to have it", () => watched?.waitStatus());
    expect([signalIn(status), status >> 8]).toEqual([signal, code]);
  }
});
