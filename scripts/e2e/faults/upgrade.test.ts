/** The agent replaces itself while its jobs run: forwards, backwards, and back from what does not work. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { messageOf } from "../../../shared/errors.ts";
import { tempDir } from "../../../shared/testing/tempDir.ts";
import { waitFor } from "../../../shared/testing/waitFor.ts";
import { VERSION } from "../../../shared/version.ts";
import { expectWholeLog, steadyJob, waitForLog } from "../harness/jobs.ts";
import { installAgent, openReleases, type Releases } from "../harness/releases.ts";
import { describeWith } from "../harness/requirements.ts";
import { NEEDS, openSystem, type System } from "../harness/system.ts";

const NEXT = "0.1.1-next";
const JOB = steadyJob({ lines: 400, silentS: 0 });

for (const runtime of ["process", "docker"] as const) {
  describeWith(NEEDS[runtime], `upgrades of the agent, ${runtime} runtime`, () => {
    const undo = new AsyncDisposableStack();
    let system: System;
    let releases: Releases;
    let program: string;
    beforeAll(async () => {
      const { path } = undo.use(tempDir());
      releases = openReleases(join(path, "releases"));
      // Before there is a job, which is to run while the agent is replaced.
      await releases.prepare(NEXT);
      program = installAgent(join(path, "bin"));
      system = undo.use(
        await openSystem({
          runtime,
          coordinatorEnv: { DSTACK_SERVER_ARTIFACTS_DIR: releases.dir },
          agent: { program, env: { DSTACK_AGENT_TRIAL_SECONDS: "15" } },
        }),
      );
    }, 600_000);
    afterAll(() => undo.disposeAsync());

    const instance = async () => (await system.coordinator.client.getFleet("e2e")).instances[0];
    /** Makes its poll come back, and with it what it is offered, for as long as an agent is there to be asked. */
    const nudge = async () => {
      await system.agent.command("undrain").catch((err: unknown) => {
        if (!messageOf(err).includes("No agent runs")) throw err;
      });
    };
    const submit = async (run: string) => {
      const input = system.task(run, JOB.commands);
      await system.coordinator.client.dstackOk(["apply", "-y", "-d", "-f", "-"], { input });
      await waitForLog(system.coordinator.client, run, "line 20 ");
    };
    const expectWhole = async (run: string) => {
      const { client } = system.coordinator;
      const ended = await client.waitForEnd(run, 60_000);
      expect(ended).toMatchObject({ status: "done", latest_job_submission: { exit_status: 0 } });
      expect(ended.jobs[0]?.job_submissions).toHaveLength(1);
      await expectWholeLog(client, run, JOB);
    };
    const runs = async (version: string) => {
      const found = await waitFor(
        `the agent ${version}`,
        async () => {
          await nudge();
          const now = await instance();
          return now?.agent_version === version && now;
        },
        60_000,
      ).catch((err: unknown) => {
        throw new Error(
          `${messageOf(err)}\n${system.agent.program
            .output()
            .replaceAll(/^.*takes jobs again.*\n/gm, "")
            .slice(-3_000)}`,
        );
      });
      await waitFor("the release to be proven", () => {
        const { trial } = JSON.parse(readFileSync(join(system.agent.stateDir, "upgrade.json"), "utf8"));
        return trial === null;
      });
      return found;
    };
    const isBack = async (version: string) => {
      const is = async () => {
        await nudge();
        const now = await instance();
        const { agent_upgrade: upgrade } = now ?? {};
        return upgrade?.state === "failed" && upgrade.version === version && now;
      };
      const found = await waitFor(`the failure of ${version}`, is, 60_000);
      expect(found.agent_version).toBe(VERSION);
      expect(readdirSync(join(program, "..")).filter((name) => name.startsWith("."))).toEqual([]);
      return found.agent_upgrade?.message;
    };

    test("to a newer release and back to the older one, and the job does not notice", async () => {
      await submit("up");
      const { pid } = system.agent.program;
      await releases.offer(NEXT);
      await runs(NEXT);
      expect(existsSync(`${program}.old`)).toBe(true);
      // The process is the same, so a service manager sees none end.
      expect(system.agent.program.isRunning()).toBe(true);
      expect(await system.agent.command("status")).toContain(`version ${NEXT}, process ${pid}`);
      await expectWhole("up");

      await submit("down");
      await releases.offer(VERSION);
      await runs(VERSION);
      await expectWhole("down");
    }, 180_000);

    test("a release that hangs is given up, and the one before it goes on", async () => {
      await submit("hung");
      await releases.offerScript("0.1.2-hangs", "exec sleep 1000");
      expect(await isBack("0.1.2-hangs")).toContain("does not run");
      await expectWhole("hung");
      await system.agent.program.exited;
    }, 120_000);
  });
}
