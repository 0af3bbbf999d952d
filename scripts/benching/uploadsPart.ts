import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { type MemoryTrail, makeBigFolder, playUpload } from "../e2e/harness/bigUpload.ts";
import type { Part } from "./bench.ts";
import { inMb, mbPerSecond } from "./bigOutput.ts";

const BYTES = 2 * 1024 ** 3;
const SHOWN = 8;

/** 2 GiB from a folder to a job, with every process on the way killed once in the middle of it. */
export const measureUploads = async (part: Part): Promise<void> => {
  const { coordinator, agents, report, dir, say } = part;
  const agent = agents.process;
  if (!agent) throw new Error("There is no agent with the process runtime");
  mkdirSync(dir, { recursive: true });
  say("making 2 GiB of random bytes");
  const { sha256 } = makeBigFolder(join(dir, "data"), BYTES);
  const played = await playUpload({ coordinator, agent, dir, name: "bench-upload", cwd: dir, bytes: BYTES });
  if (!played.output.includes(sha256)) throw new Error(`The job got other bytes:\n${played.output}`);
  const share = (bytes: number) => `${((bytes / BYTES) * 100).toFixed(0)} %`;
  const sent = BYTES - played.heldAtKill;
  report.figure(
    "2 GiB of `files`, killed half-way and applied again: where it went on",
    `${share(played.heldAtKill)} held, never less than ${share(played.heldAtLeast)} afterwards`,
  );
  report.figure(
    "… the second client: reads all of it for its hash, sends the rest, over a coordinator that is killed",
    `${(played.applyMs / 1000).toFixed(1)} s, ${inMb(mbPerSecond(sent, played.applyMs))} of what was left`,
  );
  report.figure(
    "… from there to the end of a job that reads it, over an agent that is killed",
    `${(played.hostMs / 1000).toFixed(1)} s, ${inMb(mbPerSecond(BYTES, played.hostMs))}`,
  );
  for (const trail of played.trails) report.figure(`… own memory of the ${trail.name}, MiB`, shown(trail));
};

/** Its most, and how it was over time. */
const shown = ({ samples }: MemoryTrail): string => {
  const most = Math.max(...samples.map(({ mib }) => mib));
  const over = Array.from({ length: SHOWN }, (_, at) => samples[Math.floor((at * samples.length) / SHOWN)]);
  const trail = over.flatMap((sample) =>
    sample ? [`${(sample.atMs / 1000).toFixed(0)} s ${sample.mib.toFixed(0)}`] : [],
  );
  return `at most ${most.toFixed(0)}: ${trail.join(", ")}`;
};
