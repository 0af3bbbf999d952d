import type { JobConnectionInfo } from "../../../shared/api/jobs.ts";
import { IDE_NAMES, ideLink } from "../../../shared/config/ideLinks.ts";
import type { SshAddress } from "../../config.ts";
import type { RunRow } from "../../store/runs.ts";
import type { SubmissionRow } from "../../store/submissions.ts";
import { upstreamIdOf } from "../tunnels/upstreamId.ts";

const PORT = 22;

const sshCommand = (destination: string, port: number | null = null): string[] => [
  "ssh",
  destination,
  ...(port === null || port === PORT ? [] : ["-p", String(port)]),
];

/** Of an address of the form that URLs have: an IPv6 one stands in brackets. */
const authorityOf = (user: string, { hostname, port }: SshAddress): string => {
  const host = hostname.includes(":") ? `[${hostname}]` : hostname;
  return `${user}@${host}${port === null || port === PORT ? "" : `:${port}`}`;
};

/** How people reach a running job (docs/spec/http-api.md §3.5). `ssh`: where SSH for jobs is answered. */
export const connectionOf = (
  run: Pick<RunRow, "name" | "spec">,
  { id, replica_num, job_num, job_spec, runtime_data }: SubmissionRow,
  ssh: SshAddress | undefined,
): JobConnectionInfo => {
  // The name by which `attach` makes the job known to SSH (§4.2).
  const alias = replica_num === 0 && job_num === 0 ? run.name : job_spec.job_name;
  const upstreamId = upstreamIdOf(id);
  const { configuration } = run.spec;
  const ide = configuration.type === "dev-environment" ? configuration.ide : null;
  // Without a folder to open there is no link.
  const dir = runtime_data?.working_dir ?? null;
  const linkTo = (authority: string) => (ide && dir !== null ? ideLink(ide, authority, dir) : null);
  return {
    ide_name: ide && IDE_NAMES[ide],
    attached_ide_url: linkTo(alias),
    proxied_ide_url: ssh ? linkTo(authorityOf(upstreamId, ssh)) : null,
    attached_ssh_command: sshCommand(alias),
    proxied_ssh_command: ssh ? sshCommand(`${upstreamId}@${ssh.hostname}`, ssh.port) : null,
    sshproxy_hostname: ssh?.hostname ?? null,
    sshproxy_port: ssh?.port ?? null,
    sshproxy_upstream_id: ssh ? upstreamId : null,
  };
};
