import { messageOf } from "../../shared/errors.ts";
import { openApi } from "../api/open.ts";
import { defineCommand } from "../args/command.ts";
import { integer, one, text, value } from "../args/option.ts";
import { projectOption } from "../args/resolve.ts";
import { getWanted, jobOf } from "../attach/wantedJob.ts";
import { openStdio } from "../process/stdio.ts";
import { ownUserOf } from "../ssh/jobSsh.ts";
import { rememberHostKey } from "../ssh/knownHosts.ts";
import { proxySsh } from "../ssh/proxy.ts";

export const command = defineCommand({
  description: `The way to the SSH server of a job, for OpenSSH's ProxyCommand: what comes in goes there, and back, encrypted
from end to end. \`dstack attach\` and \`dstack ssh\` write what calls it; nobody else has to.`,
  options: {
    project: projectOption,
    replica: value("--replica N", "The number of the replica (any that runs)", integer),
    job: value("--job N", "The number of the job, that is of the node (0)", integer),
    user: value("--user NAME", "The Unix user to log in as (the job's own)", text),
    knownAs: value("--known-as NAME", "The name under which the host key is put into known_hosts", text),
  },
  args: { name: one("RUN|JOB", "The name of the run, or of one of its jobs", "run") },
  isQuiet: true,
  run: async (ctx, { project, replica, job: jobNum, user, knownAs, name }) => {
    try {
      const api = await openApi(ctx, { project });
      const target = (async () => {
        const { run, wanted } = await getWanted(api, name, { replica, job: jobNum });
        const job = jobOf(run, wanted);
        const submissionId = job.job_submissions.at(-1)?.id ?? "";
        return { submissionId, user: user === ownUserOf(job) ? undefined : user };
      })();
      // It is awaited below, once there is a connection; until then its failure must not end the program.
      target.catch(() => {});
      await proxySsh(ctx, api, {
        target,
        onHostKey: (key) => knownAs !== undefined && rememberHostKey(ctx.home, knownAs, key),
        stdio: openStdio(),
      });
      return 0;
    } catch (err) {
      // Standard output is OpenSSH's.
      ctx.err.write(`dstack ssh-proxy: ${name}: ${messageOf(err)}\r\n`);
      ctx.log("ERROR", `dstack ssh-proxy: ${messageOf(err)}`);
      return 1;
    }
  },
});
