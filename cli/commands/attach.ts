import { Port } from "../../shared/config/ports.ts";
import { AppError } from "../../shared/errors.ts";
import { isFinalRun } from "../../shared/states.ts";
import { openApi } from "../api/open.ts";
import { getRun } from "../api/runs.ts";
import { attachToRun } from "../apply/attachRun.ts";
import { defineCommand } from "../args/command.ts";
import { flag, integer, list, one, text, value } from "../args/option.ts";
import { projectOption } from "../args/resolve.ts";
import { jobOf, stayAttached } from "../attach/stay.ts";
import { readAs } from "../runOptions/read.ts";
import { bindPorts, forwardsOf, JobPorts } from "../tunnel/jobPorts.ts";

export const command = defineCommand({
  description: `Have the ports of a run's job here, until Ctrl-C or the run's end; with --logs also its output.
Ctrl-C leaves the run alone. There is no SSH to jobs yet.`,
  options: {
    project: projectOption,
    logs: flag("--logs", "Print the output of the run"),
    sshIdentity: value("--ssh-identity KEY", "Without effect as long as there is no SSH", text, {
      complete: "file",
    }),
    host: value("--host ADDRESS", "The address here that forwarded ports listen on (localhost)", text),
    ports: list("-p, --port MAPPING", "A port to forward, like 8000, 80:8000 or *:8000", readAs(Port)),
    replica: value("--replica N", "The number of the replica (any that runs)", integer),
    job: value("--job N", "The number of the job, that is of the node (0)", integer),
    since: value("--since TIME", "Only output that is newer", text),
  },
  args: { name: one("RUN", "The name of the run", "run") },
  run: async (ctx, { project, logs, host, ports: mappings, replica, job, since, name }) => {
    const api = await openApi(ctx, { project });
    const run = await getRun(api, { name });
    if (isFinalRun(run.status) && run.status !== "done")
      throw new AppError("conflict", `Run ${name} is ${run.status}`);
    if (logs && (replica !== undefined || job !== undefined || since !== undefined))
      throw new AppError(
        "unsupported",
        "Cannot attach: --logs is only for the first job, from its beginning",
        {
          hint: `\`dstack logs -f ${name}\` has --replica, --job and --since`,
        },
      );
    const wanted = { replica, job: job ?? 0 };
    const apps = jobOf(run, wanted).job_spec.app_specs;
    const wish = { host, failed: "Failed to attach", command: "dstack attach" };
    using ports = new JobPorts(ctx, api, bindPorts(forwardsOf(apps, mappings), wish));
    if (logs) return await attachToRun(ctx, { api, run, yes: true, ports });
    return await stayAttached(ctx, { api, run, wanted, ports });
  },
});
