import { readdirSync } from "node:fs";
import { join } from "node:path";
import { messageOf } from "../../../../shared/errors.ts";
import { waitFor } from "../../../../shared/testing/waitFor.ts";
import { withoutGreeting } from "../../harness/jobs.ts";
import { processesWith } from "../../harness/leftovers.ts";
import type { Runtime } from "../../harness/system.ts";
import { FAULTS, type Fault, type FaultName } from "./faults.ts";
import { firstDifference, type Judgement, judgeLog } from "./judgeLog.ts";
import { MOMENTS, type Moment, type MomentName } from "./moments.ts";
import { type Ending, endingsOwed } from "./owed.ts";
import type { Stage } from "./stage.ts";

export interface Cell {
  fault: FaultName;
  moment: MomentName;
}

export interface Outcome extends Cell {
  runtime: Runtime;
  status: string;
  exitStatus: number | null;
  reason: string;
  log: Judgement | "unknown";
  /** First digits of its SHA-256. */
  hash: string;
  /** What was wrong; empty: nothing. */
  problems: string[];
}

/** Why there is nothing to play; undefined: there is. */
export const whyLeftOut = ({ fault, moment }: Cell, runtime: Runtime): string | undefined => {
  const { only, missing, needsAgent }: Fault = FAULTS[fault];
  if (only !== undefined && only !== runtime) return "there is none";
  if (needsAgent && moment === "pulling" && runtime === "process") return "nothing is pulled there";
  return missing?.();
};

export const ALL_CELLS: readonly Cell[] = (Object.keys(MOMENTS) as MomentName[]).flatMap((moment) =>
  (Object.keys(FAULTS) as FaultName[]).map((fault) => ({ fault, moment })),
);

let runs = 0;

/** Every turn comes so much later into what is over in an instant. */
const TURN_MS = 60;

/**
 * Plays one cell: a job, and a fault at a moment of its life; then looks at what became of everything. `turn`: which
 * repetition it is.
 */
export const playCell = async (stage: Stage, cell: Cell, turn = 0): Promise<Outcome> => {
  const { system, runtime } = stage;
  const { client } = system.coordinator;
  const moment: Moment = MOMENTS[cell.moment];
  const name = `cell-${++runs}`;
  const problems: string[] = [];
  const afterwards = await moment.reach(stage, name);
  if (cell.moment === "starting") await Bun.sleep(turn * TURN_MS);
  try {
    await FAULTS[cell.fault].strike(stage);
  } finally {
    afterwards?.();
  }
  const ended = await client.waitForEnd(name, 90_000);
  const submissions = ended.jobs[0]?.job_submissions ?? [];
  const last = submissions.at(-1);
  if (submissions.length !== 1) problems.push(`${submissions.length} submissions`);
  const { output, outputOfContainer = output }: Moment = moment;
  const printed = runtime === "docker" ? outputOfContainer : output;
  const came = withoutGreeting(new TextDecoder().decode(await client.readLog(name, { follow: true })));
  const log = judgeLog(came, printed);
  const exitStatus = last?.exit_status ?? null;
  const reason = last?.termination_reason ?? "";
  const message = last?.termination_reason_message ?? "";
  const isOwed = (ending: Ending) =>
    message.includes(ending.says ?? "") &&
    ending.status === ended.status &&
    ending.reason === reason &&
    ending.exitStatus.includes(exitStatus) &&
    ending.logs.includes(log);
  if (!endingsOwed(cell.fault, cell.moment).some(isOwed))
    problems.push(`${ended.status} (${reason}: ${message}) ${exitStatus}, ${log} is not what is owed`);
  if (log === "wrong") problems.push(firstDifference(came, printed));
  problems.push(...(await leftoversOf(stage, name)));
  return {
    ...cell,
    runtime,
    status: ended.status,
    exitStatus,
    reason,
    log,
    hash: new Bun.CryptoHasher("sha256").update(came).digest("hex").slice(0, 8),
    problems,
  };
};

/** Waits until the host is as it was before the job; what is still there, in words. */
const leftoversOf = async ({ system }: Stage, name: string): Promise<string[]> => {
  const { agent, engine, coordinator } = system;
  const find = async (): Promise<string[]> => {
    const [instance] = (await coordinator.client.getFleet("e2e")).instances;
    const containers = engine ? (await engine.docker("ps", "-aq")).split("\n").filter(Boolean) : [];
    return [
      ...(processesWith(`DSTACK_RUN_NAME=${name}\0`).length > 0 ? ["processes"] : []),
      ...(containers.length > 0 ? [`${containers.length} containers`] : []),
      ...readdirSync(join(agent.stateDir, "jobs")).map((id) => `folder ${id}`),
      ...(instance?.status === "idle" ? [] : [`the host is ${instance?.status}`]),
    ];
  };
  try {
    await waitFor("nothing to be left", async () => (await find()).length === 0, 30_000);
    return [];
  } catch (err) {
    const left = await find();
    return left.length > 0 ? left : [messageOf(err)];
  }
};
