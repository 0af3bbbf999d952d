import { createHash } from "node:crypto";
import type { Job } from "../../shared/api/jobs.ts";
import type { Run } from "../../shared/api/runs.ts";
import type { Api } from "../api/client.ts";
import type { Context } from "../context.ts";
import type { SshOption } from "./blocks.ts";
import { knownHostsPath } from "./files.ts";

/** How OpenSSH gets to a job. */
export interface JobSsh {
  /** The name that it is known by: the run's for its first job, else the job's (docs/spec/cli.md §6.3). */
  readonly alias: string;
  readonly options: readonly SshOption[];
}

export interface SshTarget {
  readonly run: Run;
  readonly job: Job;
  /** Private keys that may open it. */
  readonly identities: readonly string[];
}

const aliasOf = (run: Run, { job_spec: spec }: Job): string => {
  const isFirst = spec.replica_num === 0 && spec.job_num === 0;
  return (isFirst ? run.run_spec.run_name : spec.job_name) ?? spec.job_name;
};

export const jobSsh = (ctx: Context, api: Api, { run, job, identities }: SshTarget): JobSsh => {
  const { job_spec: spec } = job;
  const name = run.run_spec.run_name ?? "";
  const alias = aliasOf(run, job);
  const knownAs = `${alias}.${serverIdOf(api)}.dstack`;
  const proxy = [
    ...[...ctx.self, "ssh-proxy", "--project", api.connection.project, "--known-as", knownAs],
    ...["--replica", String(spec.replica_num), "--job", String(spec.job_num)],
  ];
  return {
    alias,
    options: [
      ["User", ownUserOf(job)],
      ...identities.map((path): SshOption => ["IdentityFile", configPath(path)]),
      ["IdentitiesOnly", "yes"],
      ["HostKeyAlias", knownAs],
      // Written by the proxy, before OpenSSH hears anything of the host.
      ["UserKnownHostsFile", configPath(knownHostsPath(ctx.home))],
      ["StrictHostKeyChecking", "yes"],
      [
        "ProxyCommand",
        `${proxy.map(shellWord).join(" ").replaceAll("%", "%%")} --user ${ASKED_USER} ${shellWord(name)}`,
      ],
    ],
  };
};

/** The name under which whoever names nobody else logs in: whoever that is, the agent has it be the job's own user. */
export const ownUserOf = ({ job_spec: spec, job_submissions: submissions }: Job): string => {
  const name = submissions.at(-1)?.job_runtime_data?.username ?? spec.user?.username ?? "root";
  return /^[\w.-]+$/.test(name) ? name : "root";
};

/** OpenSSH puts the user there: `ssh USER@RUN`. Windows' shell knows no such quotes. */
const ASKED_USER = process.platform === "win32" ? "%r" : "'%r'";

/** Two servers may have projects and runs of the same names. */
const serverIdOf = ({ connection: { url, project } }: Api): string =>
  createHash("sha256").update(`${url}\n${project}`).digest("hex").slice(0, 8);

const SAFE_WORD = /^[\w@%+=:,./-]+$/;

/** OpenSSH has the user's shell run it. */
const shellWord = (word: string): string =>
  SAFE_WORD.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;

/** A path in a configuration of OpenSSH, where `%` begins a token and white space ends a word. */
const configPath = (path: string): string => {
  const escaped = path.replaceAll("%", "%%");
  return /\s/.test(escaped) ? `"${escaped}"` : escaped;
};
