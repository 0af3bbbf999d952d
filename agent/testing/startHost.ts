import { expect } from "bun:test";
import { readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { anAssignment } from "./anAssignment.ts";
import { FakeCoordinator, type FakeSubmission } from "./fakeCoordinator.ts";

const MAIN = resolve(import.meta.dir, "../main.ts");

/** A host that has joined a fake coordinator, with the whole agent as a process of its own. */
export const startHost = async () => {
  const coordinator = new FakeCoordinator();
  const dir = tempDir();
  const stateDir = join(dir.path, "state");
  const spawn = (args: string[], env: Record<string, string> = {}) =>
    Bun.spawn([process.execPath, MAIN, ...args, "--state-dir", stateDir], {
      env: { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", HOME: dir.path, ...env },
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });
  const finish = async (args: string[], env: Record<string, string> = {}) => {
    const child = spawn(args, env);
    const [out, err, code] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
      child.exited,
    ]);
    return { out, err, code };
  };
  const running = new Set<Bun.Subprocess>();
  const joined = await finish(["join", "--url", coordinator.url, "--runtime", "process"], {
    DSTACK_JOIN_TOKEN: "join-me",
  });
  expect(joined).toEqual({
    out: `Joined ${coordinator.url} as fleet-0 in the fleet main/fleet\n`,
    err: "",
    code: 0,
  });
  return {
    coordinator,
    stateDir,
    finish,
    run: (more: string[] = [], env: Record<string, string> = {}) => {
      const child = spawn(["run", ...more], env);
      running.add(child);
      return child;
    },
    [Symbol.asyncDispose]: async () => {
      for (const submission of coordinator.submissions.values()) coordinator.drop(submission);
      coordinator.faults = {};
      for (const child of running) {
        if (child.exitCode === null && child.signalCode === null)
          await waitFor("jobs to be forgotten", () => readdirSync(join(stateDir, "jobs")).length === 0);
        child.kill();
        await child.exited;
      }
      await coordinator[Symbol.asyncDispose]();
      dir[Symbol.dispose]();
    },
  };
};

/** A job of a shell, as the coordinator makes it of commands. */
export const sh = (script: string) => anAssignment({ argv: ["/bin/sh", "-i", "-c", script] });
export const endOf = (submission: FakeSubmission) =>
  waitFor("the end", () => {
    const fact = submission.reports.at(-1)?.fact;
    return fact?.state === "finished" && submission.isComplete && fact;
  });
