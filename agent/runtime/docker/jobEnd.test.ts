import { describe, expect, test } from "bun:test";
import { jobEnd, signalOf } from "./jobEnd.ts";

const FAILED = "container_exited_with_error" as const;

describe("jobEnd()", () => {
  test("0 is done", () => {
    expect(jobEnd({ exitCode: 0 })).toEqual({ exitStatus: 0, reason: "done_by_runner", message: "" });
  });

  test("any other status speaks for itself", () => {
    expect(jobEnd({ exitCode: 3 })).toEqual({ exitStatus: 3, reason: FAILED, message: "" });
    expect(jobEnd({ exitCode: 127, output: "sh: foo: not found\r\n" }).message).toBe("");
  });

  test.each([
    [137, "SIGKILL"],
    [143, "SIGTERM"],
    [139, "SIGSEGV"],
    [130, "SIGINT"],
  ])("%p is explained as %s, and stays the status", (exitCode, signal) => {
    const end = jobEnd({ exitCode });
    expect(end).toMatchObject({ exitStatus: exitCode, reason: FAILED });
    expect(end.message).toStartWith(`Exit status ${exitCode}: a process of the job was ended by ${signal}`);
    expect(end.signal).toBeUndefined();
  });

  test("what the kernel tells of the command itself is a signal", () => {
    expect(jobEnd({ exitCode: 139, signal: "SIGSEGV" })).toEqual({
      exitStatus: -1,
      signal: "SIGSEGV",
      reason: FAILED,
      message: "The command was ended by the signal SIGSEGV (bad memory access)",
    });
    expect(jobEnd({ exitCode: 130, signal: "SIGINT", wasStopped: true })).toMatchObject({
      exitStatus: -1,
      signal: "SIGINT",
      message: "",
    });
    // The container was killed, and its terminal was gone before its command.
    expect(jobEnd({ exitCode: 137, signal: "SIGHUP" })).toMatchObject({ exitStatus: -1, signal: "SIGKILL" });
    expect(jobEnd({ exitCode: 137, signal: "SIGKILL", oomKilled: true, memoryMib: 512 })).toMatchObject({
      exitStatus: -1,
      message: expect.stringContaining("Out of memory"),
    });
  });

  test("out of memory, with a limit and without", () => {
    expect(jobEnd({ exitCode: 137, oomKilled: true, memoryMib: 512 }).message).toBe(
      "Out of memory: the job needed more than its limit of 512 MiB of memory, and the kernel killed a process of it",
    );
    expect(jobEnd({ exitCode: 137, oomKilled: true }).message).toContain("the memory that there is");
  });

  test("a kill of the agent's own is a signal, without more words", () => {
    const end = jobEnd({ exitCode: 137, wasStopped: true, wasKilled: true });
    expect(end).toEqual({ exitStatus: -1, signal: "SIGKILL", reason: FAILED, message: "" });
  });

  test("a command that an asked-for interrupt ended needs no more words", () => {
    expect(jobEnd({ exitCode: 130, wasStopped: true })).toMatchObject({ exitStatus: 130, message: "" });
  });

  test("a command that ended by itself while it was about to be killed keeps its status", () => {
    expect(jobEnd({ exitCode: 5, wasKilled: true })).toMatchObject({ exitStatus: 5 });
  });

  test("a command that is not in the image", () => {
    const said = (program: string) =>
      jobEnd({
        exitCode: 127,
        output: `[FATAL tini (7)] exec ${program} failed: No such file or directory\r\n`,
      }).message;
    expect(said("/app/train")).toBe('Cannot run "/app/train" in the image: No such file or directory');
    expect(said("/bin/bash")).toStartWith('The image has no shell "/bin/bash" to run the commands with');
  });

  test("an engine that went away is mentioned, also where all went well", () => {
    expect(jobEnd({ exitCode: 0, engineRestarted: true })).toMatchObject({
      exitStatus: 0,
      reason: "done_by_runner",
      message: "The Docker engine was restarted while the job ran; output of that time may be missing",
    });
    expect(jobEnd({ exitCode: 143, engineRestarted: true }).message).toMatch(
      /SIGTERM .*\. The Docker engine/,
    );
  });
});

test.each([
  [128, undefined],
  [129, "SIGHUP"],
  [255, undefined],
  [1, undefined],
])("signalOf(%p) is %p", (code, signal) => expect(signalOf(code)).toBe(signal));
