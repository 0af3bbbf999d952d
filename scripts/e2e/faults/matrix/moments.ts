import { waitFor } from "../../../../shared/testing/waitFor.ts";
import { waitForLog } from "../../harness/jobs.ts";
import type { Stage } from "./stage.ts";

/** A job whose output is known to the byte, and where in its life the fault comes. */
export interface Moment {
  /** The job's commands; its output begins with `begin`. */
  commands: readonly string[];
  output: string;
  /** Where that is another one. */
  outputOfContainer?: string;
  /** Submits the job and resolves at the moment; what it returns is done after the fault. */
  reach(stage: Stage, run: string): Promise<(() => void) | undefined>;
}

const LINES = 1_500;
const lines = Array.from({ length: LINES }, (_, at) => `line ${at} abcdefghijklmnopqrstuvwxyz\r\n`).join("");
/** Some six seconds of output without a pause that one could see. */
const TALKS = {
  commands: [
    `echo begin; i=0; while [ $i -lt ${LINES} ]; do echo "line $i abcdefghijklmnopqrstuvwxyz"; [ $((i % 50)) -ne 0 ] || sleep 0.2; i=$((i+1)); done; echo end`,
  ],
  output: `begin\r\n${lines}end\r\n`,
};
const SHORT = { commands: ["echo begin; sleep 1; echo end"], output: "begin\r\nend\r\n" };
/** As what it runs has chosen; nothing else ends with it. */
export const EXIT_OF_STOPPED = 3;
const STOPS = {
  commands: [
    `trap 'echo bye; sleep 3; exit ${EXIT_OF_STOPPED}' INT; echo begin; while :; do sleep 0.2; done`,
  ],
  output: "begin\r\nbye\r\n",
  // The interrupt of a container is typed on its terminal, which shows it.
  outputOfContainer: "begin\r\n^Cbye\r\n",
};

const submit = async (
  { system }: Stage,
  run: string,
  commands: readonly string[],
  more = {},
): Promise<void> => {
  // An agent that starts while its disk is full says so, and jobs that ask for some would go elsewhere.
  const input = system.task(run, commands, {
    resources: { cpu: "1..", memory: "64MB..", disk: null },
    ...more,
  });
  await system.coordinator.client.dstackOk(["apply", "-y", "-d", "-f", "-"], { input });
};

const statusOf = async ({ system }: Stage, run: string) =>
  (await system.coordinator.client.getRun(run)).jobs[0]?.job_submissions.at(-1)?.status;

export const MOMENTS = {
  pulling: {
    ...SHORT,
    reach: async (stage, run) => {
      const { registry, system } = stage;
      if (!registry) {
        // Nothing is pulled there: the assignment has been made, and the agent has not heard of it.
        system.agent.program.freeze();
        await submit(stage, run, SHORT.commands);
        await waitFor("the assignment", async () => (await statusOf(stage, run)) === "provisioning", 20_000);
        return () => system.agent.program.thaw();
      }
      const image = await stage.publish(run);
      registry.program.freeze();
      await submit(stage, run, SHORT.commands, { image });
      await waitFor("the pull", async () => (await statusOf(stage, run)) === "pulling", 20_000);
      return () => registry.program.thaw();
    },
  },
  starting: {
    ...SHORT,
    reach: async (stage, run) => {
      await submit(stage, run, SHORT.commands);
      return undefined;
    },
  },
  "running, with much output": {
    ...TALKS,
    reach: async (stage, run) => {
      await submit(stage, run, TALKS.commands);
      await waitForLog(stage.system.coordinator.client, run, "line 100 ");
      return undefined;
    },
  },
  stopping: {
    ...STOPS,
    reach: async (stage, run) => {
      const { client } = stage.system.coordinator;
      await submit(stage, run, STOPS.commands);
      await waitForLog(client, run, "begin");
      await client.dstackOk(["stop", "-y", run]);
      return undefined;
    },
  },
} as const satisfies Record<string, Moment>;
export type MomentName = keyof typeof MOMENTS;
