import { randomUUID } from "node:crypto";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { createDockerRuntime } from "../../../agent/runtime/docker/dockerRuntime.ts";
import { readDockerSettings } from "../../../agent/runtime/docker/settings.ts";
import type { RuntimeHooks, RuntimeJob } from "../../../agent/runtime/runtime.ts";
import { createLogger } from "../../../shared/log.ts";
import type { Assignment } from "../../../shared/protocol/assignment.ts";
import type { PullProgress } from "../../../shared/protocol/report.ts";
import type { Engine } from "./engine.ts";
import { TEST_IMAGE } from "./image.ts";
import { withoutGreeting } from "./jobs.ts";

/** A docker runtime against an engine of the tests'; its warnings go to stderr. */
export const runtimeOn = (
  engine: Pick<Engine, "address">,
  env: Record<string, string> = {},
  stateDir?: string,
) => {
  const log = createLogger({ level: "error", format: "text", write: (line) => process.stderr.write(line) });
  const settings = readDockerSettings({ DSTACK_AGENT_KEEP_FINISHED: "0", ...env });
  return createDockerRuntime({
    dockerHost: engine.address,
    settings,
    self: [process.execPath, join(import.meta.dir, "../../../agent/main.ts")],
    log,
    ...(stateDir === undefined ? {} : { stateDir }),
  });
};

/** A job as the agent gets it, with a folder of its own under `dir`. */
export const dockerJob = (
  dir: string,
  assignment: Partial<Assignment> = {},
  archives: RuntimeJob["archives"] = [],
): RuntimeJob => {
  const submission_id = assignment.submission_id ?? randomUUID();
  const jobDir = join(dir, submission_id);
  mkdirSync(jobDir, { recursive: true, mode: 0o700 });
  return {
    assignment: {
      submission_id,
      run_id: randomUUID(),
      run_name: "quick-cat-1",
      project_name: "main",
      job_name: "quick-cat-1-0-0",
      job_num: 0,
      replica_num: 0,
      runtime: "docker",
      argv: [],
      env: {},
      image: TEST_IMAGE,
      privileged: false,
      network_mode: "host",
      gpu_ids: [],
      mounts: [],
      archives: [],
      claim_lease_ms: 60_000,
      ...assignment,
    },
    dir: jobDir,
    spoolPath: join(jobDir, "output"),
    archives,
  };
};

/** As the coordinator makes an argv of commands. */
export const shell = (commands: string): string[] => ["/bin/sh", "-i", "-c", commands];

export const hooksOf = (signal = new AbortController().signal) => {
  const pulls: (PullProgress | undefined)[] = [];
  const hooks: RuntimeHooks = { signal, onPulling: (progress) => pulls.push(progress), onOutput: () => {} };
  return { ...hooks, pulls };
};

export const outputOf = async (job: RuntimeJob): Promise<string> =>
  withoutGreeting(await Bun.file(job.spoolPath).text());

export const hashOf = async (path: string): Promise<string> => {
  const hash = new Bun.CryptoHasher("sha256");
  for await (const chunk of Bun.file(path).stream()) hash.update(chunk);
  return hash.digest("hex");
};
