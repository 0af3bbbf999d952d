import type { Run } from "../../shared/api/runs.ts";
import { isFinalRun } from "../../shared/states.ts";
import type { Context } from "../context.ts";
import type { JobAccess } from "./access.ts";
import { jobOf } from "./wantedJob.ts";

/** Opens what leads to a job that runs, and tells people what there is (docs/spec/cli.md §6.1). */
export const tellAttached = async (ctx: Context, access: JobAccess, run: Run): Promise<void> => {
  if (isFinalRun(run.status)) return;
  const { route, alias } = await access.open(run);
  const { replica_num: replica, job_num: job } = jobOf(run, access.wanted).job_spec;
  const lines = [
    `Attached to run ${run.run_spec.run_name} (replica=${replica} job=${job})`,
    ...(route ? [`Connected via ${route}`] : []),
    ...(access.ports?.lines() ?? []),
    ...(access.reverse?.lines() ?? []),
    ...(alias === undefined ? [] : [`To connect to the run via SSH, use \`ssh ${alias}\`.`]),
    "Press Ctrl+C to detach...",
  ];
  ctx.out.write(`${lines.join("\n")}\n`);
};

/** The same for programs: one line of JSON. */
export const tellAttachedAsData = async (ctx: Context, access: JobAccess, run: Run): Promise<void> => {
  if (isFinalRun(run.status)) return;
  const { route, alias } = await access.open(run);
  const { job_spec: spec, job_submissions: submissions } = jobOf(run, access.wanted);
  const told = {
    run_name: run.run_spec.run_name,
    replica_num: spec.replica_num,
    job_num: spec.job_num,
    submission_id: submissions.at(-1)?.id ?? null,
    via: route ?? null,
    ports: access.ports?.bound ?? [],
    ssh: alias === undefined ? null : ["ssh", alias],
  };
  ctx.out.write(`${JSON.stringify(told)}\n`);
};
