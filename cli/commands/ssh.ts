import { AppError } from "../../shared/errors.ts";
import { isFinalRun } from "../../shared/states.ts";
import { openApi } from "../api/open.ts";
import { defineCommand } from "../args/command.ts";
import { flag, integer, list, one, rest, text, value } from "../args/option.ts";
import { projectOption } from "../args/resolve.ts";
import { getWanted, jobOf } from "../attach/wantedJob.ts";
import { localPath } from "../configuration/localPath.ts";
import type { Context } from "../context.ts";
import { ignoreInterrupts } from "../process/ignoreInterrupts.ts";
import { openIdentities } from "../ssh/identity.ts";
import { jobSsh } from "../ssh/jobSsh.ts";

export const command = defineCommand({
  description: `Open a shell in a job that runs, or run a command there, with this machine's OpenSSH. Nothing has to be attached.
The exit code is that of the command. Whatever OpenSSH is configured to do it does here, too.`,
  options: {
    project: projectOption,
    replica: value("--replica N", "The number of the replica (any that runs)", integer),
    job: value("--job N", "The number of the job, that is of the node (0)", integer),
    sshIdentity: value(
      "--ssh-identity KEY",
      "The private key that opens the run (your own of the server)",
      text,
      {
        complete: "file",
      },
    ),
    local: list("-L, --local-forward SPEC", "As of ssh: a port here that leads to one of the job", text),
    remote: list("-R, --remote-forward SPEC", "As of ssh: a port of the job that leads to one here", text),
    dynamic: list(
      "-D, --dynamic-forward SPEC",
      "As of ssh: a SOCKS proxy here that leads into the job",
      text,
    ),
    login: value("-l, --login USER", "As of ssh: the Unix user to be there (the job's own)", text),
    noCommand: flag("-N, --no-command", "As of ssh: only forward ports"),
    tty: flag("-t, --tty", "As of ssh: give the command a terminal"),
  },
  args: {
    name: one("RUN|JOB", "The name of the run, or of one of its jobs", "run"),
    words: rest("COMMAND", "What to run, after --; nothing: a shell"),
  },
  run: async (ctx, { project, replica, job: jobNum, sshIdentity, name, words, ...ssh }) => {
    const program = Bun.which("ssh", { PATH: ctx.env["PATH"] ?? "" });
    if (program === null)
      throw new AppError("unsupported", "Cannot find `ssh`: OpenSSH is not installed here", {
        hint: `Install it (Debian: openssh-client), or reach the ports of ${name} with \`dstack attach ${name}\``,
      });
    const api = await openApi(ctx, { project });
    const identities = openIdentities(ctx, api, localPath(ctx, sshIdentity));
    const { run, wanted } = await getWanted(api, name, { replica, job: jobNum });
    const job = jobOf(run, wanted);
    if (job.job_submissions.at(-1)?.status !== "running") throw notRunning(name, run.status);
    const files = await identities.filesFor(run.run_spec.ssh_key_pub);
    const { alias, options } = jobSsh(ctx, api, { run, job, identities: files });
    const argv = [
      // What comes first holds, also over an option of another kind.
      ...(ssh.login === undefined ? [] : ["-l", ssh.login]),
      ...options.flatMap(([option, setting]) => ["-o", `${option}=${setting}`]),
      ...ssh.local.flatMap((spec) => ["-L", spec]),
      ...ssh.remote.flatMap((spec) => ["-R", spec]),
      ...ssh.dynamic.flatMap((spec) => ["-D", spec]),
      ...(ssh.noCommand ? ["-N"] : []),
      ...(ssh.tty ? ["-t"] : []),
      ...[alias, "--", ...words],
    ];
    return await runHere(ctx, [program, ...argv]);
  },
});

const notRunning = (name: string, status: Parameters<typeof isFinalRun>[0]): AppError =>
  isFinalRun(status)
    ? new AppError("conflict", `Run ${name} is ${status}`)
    : new AppError("unavailable", `The job does not run yet: ${name} is ${status}`, {
        hint: `\`dstack run wait --for running ${name}\` waits for it`,
      });

/** A program in the place of this one, at its terminal; ends as that ends. */
const runHere = async (ctx: Context, argv: readonly string[]): Promise<number> => {
  using _ = ignoreInterrupts(ctx.interrupts);
  const child = Bun.spawn([...argv], {
    cwd: ctx.cwd,
    env: { ...ctx.env },
    stdin: "inherit",
    stdout: "inherit",
    stderr: "inherit",
  });
  using _ended = ctx.onTermination(() => child.kill("SIGTERM"));
  return await child.exited;
};
