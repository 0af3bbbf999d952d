import { expect, test } from "bun:test";
import { waitFor } from "../testing/waitFor.ts";
import { isAlive, isSameAlive, startTimeOf, statFields } from "./stat.ts";

test.skipIf(process.platform !== "linux")(
  "a process is known again, until it has ended [needs Linux]",
  async () => {
    // What the shell becomes does not wait for its child, which becomes a zombie.
    const shell = Bun.spawn(["sh", "-c", "exec 3>&1; sh -c 'echo $$ >&3; exec sleep 600' & exec sleep 600"], {
      stdin: "ignore",
      stdout: "pipe",
    });
    try {
      const { value } = await shell.stdout.getReader().read();
      const child = Number(Buffer.from(value ?? []).toString());
      const startTime = startTimeOf(child);
      expect(startTime).toMatch(/^\d+$/);
      expect([isAlive(child), isSameAlive(child, startTime), isSameAlive(child, `${startTime}1`)]).toEqual([
        true,
        true,
        false,
      ]);
      process.kill(child, "SIGKILL");
      await waitFor("the zombie", () => statFields(child)?.[0] === "Z");
      expect([isAlive(child), isSameAlive(child, startTime)]).toEqual([false, false]);
    } finally {
      shell.kill("SIGKILL");
      await shell.exited;
    }
    await waitFor("its end", () => startTimeOf(shell.pid) === "");
    expect(isAlive(shell.pid)).toBe(false);
  },
);
