/** `kill -9` at named points of a job's life: the job goes on, ends right, and its log is complete. */
import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import type { Run } from "../../../shared/api/runs.ts";
import { commandEnded, expectWholeLog, type SteadyJob, steadyJob, waitForLog } from "../harness/jobs.ts";
import { describeWith } from "../harness/requirements.ts";
import { NEEDS, openSystem, type System } from "../harness/system.ts";

/** What happens between the submission and the end; whatever was killed is running again afterwards. */
interface Point {
  name: string;
  strike(system: System, run: string): Promise<void>;
  /** Done before the submission. */
  prepare?(system: System): void;
  /** Where it is not JOB. */
  job?: SteadyJob;
}

const jobStatus = (run: Run): string | undefined => run.jobs[0]?.job_submissions.at(-1)?.status;

const killCoordinator = async ({ coordinator }: System) => {
  await coordinator.program.kill9();
  await coordinator.restart();
};
const killAgent = async ({ agent }: System) => {
  await agent.program.kill9();
  agent.restart();
};
const isPlaced = (system: System, run: string) =>
  system.coordinator.client.waitForRun(run, (found) => jobStatus(found) === "provisioning");
const isRunning = (system: System, run: string) =>
  system.coordinator.client.waitForRun(run, (found) => jobStatus(found) === "running");
const hasLogged = (system: System, run: string, text: string) =>
  waitForLog(system.coordinator.client, run, text);

/** The coordinator hears nothing while the job comes to its end; `then` is done to the system before it hears again. */
const endUnheard = async (system: System, run: string, then: () => Promise<void>) => {
  await isRunning(system, run);
  system.coordinator.program.freeze();
  await commandEnded(run);
  await then();
};

const JOB = steadyJob({ lines: 150, silentS: 0.5 });

const SHORT = steadyJob({ lines: 20, silentS: 0, everyS: 0 });
const MOMENTS_MS = [0, 5, 10, 15, 20, 30, 40, 60, 80, 100];

/** Some 14 MB that pile up on the host while the coordinator hears nothing, and then are sent as fast as can be. */
const LARGE = steadyJob({ lines: 400_000, silentS: 0, everyS: 0 });
const whileSending = async (system: System, run: string, kill: (system: System) => Promise<void>) => {
  await isRunning(system, run);
  system.coordinator.program.freeze();
  await commandEnded(run);
  system.coordinator.program.thaw();
  await hasLogged(system, run, "line 30000 ");
  await kill(system);
};

const COORDINATOR: Point[] = [
  { name: "as soon as the submission is answered", strike: killCoordinator },
  {
    name: "after the assignment, before the agent knows of it",
    prepare: ({ agent }) => agent.program.freeze(),
    strike: async (system, run) => {
      await isPlaced(system, run);
      await killCoordinator(system);
      system.agent.program.thaw();
    },
  },
  {
    name: "while the job is silent",
    strike: async (system, run) => {
      await isRunning(system, run);
      await killCoordinator(system);
    },
  },
  {
    name: "while the log flows",
    strike: async (system, run) => {
      await hasLogged(system, run, "line 40 ");
      await killCoordinator(system);
    },
  },
  {
    name: "when the job has ended and nothing is reported",
    strike: (system, run) => endUnheard(system, run, () => killCoordinator(system)),
  },
  {
    name: "while a large log is sent",
    job: LARGE,
    strike: (system, run) => whileSending(system, run, killCoordinator),
  },
];

const AGENT: Point[] = [
  { name: "as soon as the submission is answered", strike: killAgent },
  {
    name: "after the assignment, before it knows of it",
    prepare: ({ agent }) => agent.program.freeze(),
    strike: async (system, run) => {
      await isPlaced(system, run);
      await killAgent(system);
    },
  },
  {
    name: "while the job is silent",
    strike: async (system, run) => {
      await isRunning(system, run);
      await killAgent(system);
    },
  },
  {
    name: "while the log flows",
    strike: async (system, run) => {
      await hasLogged(system, run, "line 40 ");
      await killAgent(system);
    },
  },
  {
    name: "when the job has ended and nothing is reported",
    strike: (system, run) =>
      endUnheard(system, run, async () => {
        await system.agent.program.kill9();
        system.coordinator.program.thaw();
        system.agent.restart();
      }),
  },
  {
    name: "while it is down, the job ends",
    strike: async (system, run) => {
      await isRunning(system, run);
      await system.agent.program.kill9();
      await commandEnded(run);
      system.agent.restart();
    },
  },
  {
    name: "while a large log is sent",
    job: LARGE,
    strike: (system, run) => whileSending(system, run, killAgent),
  },
];

const BOTH: Point[] = [
  {
    name: "while the log flows",
    strike: async (system, run) => {
      await hasLogged(system, run, "line 40 ");
      await Promise.all([system.coordinator.program.kill9(), system.agent.program.kill9()]);
      await system.coordinator.restart();
      system.agent.restart();
    },
  },
  {
    name: "one after the other, again and again",
    strike: async (system, run) => {
      for (const at of ["line 20 ", "line 60 ", "line 100 "]) {
        await hasLogged(system, run, at);
        await killAgent(system);
        await killCoordinator(system);
      }
    },
  },
];

for (const runtime of ["process", "docker"] as const) {
  describeWith(NEEDS[runtime], `kill -9, ${runtime} runtime`, () => {
    let system: System;
    let runs = 0;
    beforeAll(async () => {
      system = await openSystem({ runtime });
    }, 90_000);
    afterAll(() => system[Symbol.asyncDispose]());
    beforeEach(() => system.ensureUp());

    const points = Object.entries({ coordinator: COORDINATOR, agent: AGENT, both: BOTH }).flatMap(
      ([victim, of]) => of.map((point) => ({ ...point, victim })),
    );
    test.each(points)(
      "$victim: $name",
      async ({ prepare, strike, job = JOB }) => {
        const { client } = system.coordinator;
        const run = `struck-${++runs}`;
        prepare?.(system);
        await client.dstackOk(["apply", "-y", "-d", "-f", "-"], { input: system.task(run, job.commands) });
        await strike(system, run);
        const ended = await client.waitForEnd(run, 40_000);
        expect(ended).toMatchObject({ status: "done", latest_job_submission: { exit_status: 0 } });
        expect(ended.jobs[0]?.job_submissions).toHaveLength(1);
        await expectWholeLog(client, run, job);
      },
      60_000,
    );

    for (const victim of ["coordinator", "agent"] as const) {
      test(`${victim}: at any moment of a job's first tenth of a second`, async () => {
        const { client } = system.coordinator;
        for (const afterMs of MOMENTS_MS) {
          const run = `swept-${++runs}`;
          const task = system.task(run, SHORT.commands);
          await client.dstackOk(["apply", "-y", "-d", "-f", "-"], { input: task });
          await Bun.sleep(afterMs);
          await (victim === "coordinator" ? killCoordinator(system) : killAgent(system));
          expect(await client.waitForEnd(run, 20_000)).toMatchObject({ status: "done" });
          await expectWholeLog(client, run, SHORT);
        }
      }, 120_000);

      test(`${victim}: when a stop is answered`, async () => {
        const { client } = system.coordinator;
        const run = `stopped-${++runs}`;
        const task = system.task(run, ["echo up", "sleep 600"]);
        await client.dstackOk(["apply", "-y", "-d", "-f", "-"], { input: task });
        await isRunning(system, run);
        await client.dstackOk(["stop", "-y", run]);
        await (victim === "coordinator" ? killCoordinator(system) : killAgent(system));
        const ended = await client.waitForEnd(run, 40_000);
        expect(ended).toMatchObject({ status: "terminated", termination_reason: "stopped_by_user" });
        expect(new TextDecoder().decode(await client.readLog(run, { follow: true }))).toContain("up\r\n");
      }, 60_000);
    }
  });
}
