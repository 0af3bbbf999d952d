import { AppError } from "../../shared/errors.ts";
import { isFinalRun } from "../../shared/states.ts";
import { openApi } from "../api/open.ts";
import { getRun } from "../api/runs.ts";
import { attachToRun } from "../apply/attachRun.ts";
import { defineCommand } from "../args/command.ts";
import { flag, integer, list, one, text, value } from "../args/option.ts";
import { projectOption } from "../args/resolve.ts";

export const command = defineCommand({
  description: `Stay with a run until its end, with its output. Ctrl-C leaves the run alone. Ports and SSH
cannot be forwarded yet: --logs is needed, and the options that say how to forward have no effect.`,
  options: {
    project: projectOption,
    logs: flag("--logs", "Print the output of the run"),
    sshIdentity: value("--ssh-identity KEY", "The private key that opens the run", text, {
      complete: "file",
    }),
    host: value("--host ADDRESS", "The address here that forwarded ports listen on", text),
    ports: list("-p, --port MAPPING", "A port to forward, like 8000, 80:8000 or *:8000", text),
    replica: value("--replica N", "The number of the replica", integer),
    job: value("--job N", "The number of the job, that is of the node", integer),
    since: value("--since TIME", "Only output that is newer", text),
  },
  args: { name: one("RUN", "The name of the run", "run") },
  run: async (ctx, { project, logs, replica, job, since, name }) => {
    const api = await openApi(ctx, { project });
    const run = await getRun(api, { name });
    if (isFinalRun(run.status) && run.status !== "done")
      throw new AppError("conflict", `Run ${name} is ${run.status}`);
    if (!logs || replica !== undefined || job !== undefined || since !== undefined)
      throw new AppError(
        "unsupported",
        "Cannot attach: the tunnel to a run's ports and SSH server is not there yet",
        {
          hint: `\`dstack attach ${name} --logs\` stays with the run; \`dstack logs -f ${name}\` shows the output of any of its jobs`,
        },
      );
    return attachToRun(ctx, { api, run, yes: true });
  },
});
