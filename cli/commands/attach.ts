import type { Run } from "../../shared/api/runs.ts";
import { Port } from "../../shared/config/ports.ts";
import { AppError } from "../../shared/errors.ts";
import { isFinalRun } from "../../shared/states.ts";
import { openApi } from "../api/open.ts";
import { getRun } from "../api/runs.ts";
import { attachToRun } from "../apply/attachRun.ts";
import { isUp } from "../apply/phase.ts";
import { defineCommand } from "../args/command.ts";
import { flag, integer, list, one, text, value } from "../args/option.ts";
import { projectOption } from "../args/resolve.ts";
import { parseSince } from "../args/since.ts";
import { JobAccess } from "../attach/access.ts";
import { tellAttached, tellAttachedAsData } from "../attach/attached.ts";
import { openReverse, reverseOption } from "../attach/openReverse.ts";
import { stayAttached } from "../attach/stay.ts";
import { jobOf } from "../attach/wantedJob.ts";
import { localPath } from "../configuration/localPath.ts";
import type { Context } from "../context.ts";
import { hourAndMinute } from "../output/time.ts";
import { readAs } from "../runOptions/read.ts";
import { openIdentities } from "../ssh/identity.ts";
import { bindPorts, forwardsOf, JobPorts } from "../tunnel/jobPorts.ts";
import { renderRuns } from "../views/runs.ts";

export const command = defineCommand({
  description: `Have the ports of a run's job here, and a name for \`ssh\`, until Ctrl-C or the run's end; with --logs also its output.
Ctrl-C leaves the run alone. Lost connections are made again, and another attempt at the job is followed.`,
  options: {
    project: projectOption,
    logs: flag("--logs", "Print the output of the job, from its beginning"),
    sshIdentity: value(
      "--ssh-identity KEY",
      "The private key that opens the run (your own of the server)",
      text,
      {
        complete: "file",
      },
    ),
    host: value("--host ADDRESS", "The address here that forwarded ports listen on (localhost)", text),
    ports: list("-p, --port MAPPING", "A port to forward, like 8000, 80:8000 or *:8000", readAs(Port)),
    reverse: reverseOption("-R, --reverse"),
    replica: value("--replica N", "The number of the replica (any that runs)", integer),
    job: value("--job N", "The number of the job, that is of the node (0)", integer),
    since: value(
      "--since TIME",
      "With --logs, only what is newer: seconds, 5m, 2h, or a time with an offset",
      text,
    ),
    json: flag("--json", "Say what is here as one line of JSON"),
  },
  exclusive: [["logs", "json"]],
  args: { name: one("RUN", "The name of the run", "run") },
  run: async (ctx, { project, logs, replica, job, since, name, json, ...wish }) => {
    const startTime = since === undefined ? undefined : parseSince(since, ctx.clock.now());
    const api = await openApi(ctx, { project });
    const identities = openIdentities(ctx, api, localPath(ctx, wish.sshIdentity));
    const run = await getRun(api, { name });
    if (isFinalRun(run.status) && run.status !== "done")
      throw new AppError("conflict", `Run ${name} is ${run.status}`);
    const wanted = { replica, job: job ?? 0 };
    const apps = jobOf(run, wanted).job_spec.app_specs;
    const bound = bindPorts(forwardsOf(apps, wish.ports), {
      host: wish.host,
      failed: "Failed to attach",
      command: "dstack attach",
    });
    const ports = bound.bound.length > 0 ? new JobPorts(ctx, bound) : undefined;
    const reverse = await openReverse(ctx, wish.reverse);
    using access = new JobAccess(ctx, api, { wanted, ports, identities, reverse });
    let isWaiting = !isUp(run, wanted);
    const onUp = async (up: Run): Promise<void> => {
      if (isWaiting && !json) tellProvisioned(ctx, up);
      isWaiting = false;
      await (json ? tellAttachedAsData : tellAttached)(ctx, access, up);
    };
    if (!logs) return await stayAttached(ctx, { api, run, access, onUp });
    return await attachToRun(ctx, { api, run, yes: true, access, onUp, begin: { startTime } });
  },
});

const tellProvisioned = (ctx: Context, run: Run): void => {
  ctx.out.write(`${renderRuns(ctx.out, [run], { isVerbose: false, time: hourAndMinute })}\n`);
  ctx.out.write(`Provisioning ${run.run_spec.run_name} completed (${run.status})\n`);
};
