import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { Run } from "../../../../shared/api/runs.ts";
import { messageOf } from "../../../../shared/errors.ts";
import { waitFor } from "../../../../shared/testing/waitFor.ts";
import { processesWith } from "../../harness/leftovers.ts";
import type { Runtime } from "../../harness/system.ts";
import { FAULTS, type Fault, type FaultName } from "./faults.ts";
import { MOMENTS, type MomentName } from "./moments.ts";
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
  /** `whole`; `cut`: its beginning; `noticed`: with a notice in the place of what is missing. */
  log: string;
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

/** Plays one cell: a job, and a fault at a moment of its life; then looks at what became of everything. */
export const playCell = async (stage: Stage, cell: Cell): Promise<Outcome> => {
  const { system, runtime } = stage;
  const { client } = system.coordinator;
  const moment = MOMENTS[cell.moment];
  const name = `cell-${++runs}`;
  const problems: string[] = [];
  const afterwards = await moment.reach(stage, name);
  try {
    await FAULTS[cell.fault].strike(stage);
  } finally {
    afterwards?.();
  }
  const ended = await client.waitForEnd(name, 90_000);
  const submissions = ended.jobs[0]?.job_submissions ?? [];
  const last = submissions.at(-1);
  if (submissions.length !== 1) problems.push(`${submissions.length} submissions`);
  const bytes = await client.readLog(name, { follow: true });
  const log = judgeLog(new TextDecoder().decode(bytes), moment.output);
  const expected = expectationOf(cell, runtime);
  if (!expected.statuses.includes(ended.status)) problems.push(`status ${ended.status}`);
  if (!expected.logs.includes(log)) problems.push(`log ${log}`);
  const isLost = cell.fault === "host reboot" && ended.status === "failed";
  if (isLost && last?.termination_reason !== "instance_unreachable")
    problems.push(`reason ${last?.termination_reason}`);
  if (ended.status === "done" && last?.exit_status !== 0) problems.push(`exit status ${last?.exit_status}`);
  if (ended.status === "done" && log === "cut") problems.push("done, with a log that is cut");
  problems.push(...(await leftoversOf(stage, name)));
  return {
    ...cell,
    runtime,
    status: ended.status,
    exitStatus: last?.exit_status ?? null,
    reason: last?.termination_reason ?? "",
    log,
    hash: new Bun.CryptoHasher("sha256").update(bytes).digest("hex").slice(0, 8),
    problems,
  };
};

const NOTICE = /\[dstack\] \d+ bytes of output are missing|\[dstack\]/;

const judgeLog = (text: string, expected: string): string => {
  // Debian's busybox greets first; a terminal that is interrupted may say so.
  const log = text.slice(Math.max(0, text.indexOf("begin\r\n"))).replace(/\^C(\r\n)?/, "");
  if (log.split("begin\r\n").length > 2) return "doubled";
  if (log === expected) return "whole";
  if (expected.startsWith(log)) return log === "" ? "empty" : "cut";
  return NOTICE.test(log) ? "noticed" : "wrong";
};

interface Expectation {
  statuses: readonly Run["status"][];
  logs: readonly string[];
}

/** What may become of a job; whatever else does is a fault of ours. */
const expectationOf = ({ fault, moment }: Cell, runtime: Runtime): Expectation => {
  // A reboot ends what runs, and without live-restore so does a restart of the engine: that is said, and not hidden.
  const ends = fault === "host reboot" || (fault === "Docker restart" && runtime === "docker");
  const begun = moment === "running, with much output";
  if (moment === "stopping")
    return { statuses: ["terminated"], logs: ["whole", "cut", "noticed", ...(ends ? ["wrong"] : [])] };
  // An engine that stops gives its containers ten seconds, in which a job may come to its own end.
  const mayEnd = fault === "Docker restart";
  if (ends && begun) return { statuses: mayEnd ? ["failed", "done"] : ["failed"], logs: ["cut", "whole"] };
  // Whether it had begun is a matter of milliseconds: then it is lost, else it is done as if nothing had happened.
  if (ends) return { statuses: ["done", "failed"], logs: ["whole", "cut", "empty"] };
  if (fault === "disk full") return { statuses: ["done"], logs: ["whole", "noticed"] };
  return { statuses: ["done"], logs: ["whole"] };
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
