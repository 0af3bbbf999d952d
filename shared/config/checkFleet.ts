import type { FleetConfiguration } from "./fleet.ts";
import type { Note } from "./problems.ts";
import type { SshConfig } from "./sshConfig.ts";

/** What only instances of a cloud have. */
const CLOUD_ONLY = [
  "resources",
  "reservation",
  "backends",
  "regions",
  "availability_zones",
  "instance_types",
  "spot_policy",
  "retry",
  "max_price",
  "idle_duration",
  "backend_options",
] as const satisfies readonly (keyof FleetConfiguration)[];

const checkSsh = (ssh: SshConfig, note: Note) => {
  const hosts = ssh.hosts.map((host) => (typeof host === "string" ? { hostname: host } : host));
  const lacking = (has: (host: Partial<SshConfig["hosts"][number] & object>) => unknown) =>
    hosts.filter((host) => !has(host)).map(({ hostname }) => hostname);
  const without = (what: string, key: "user" | "identity_file", names: string[]) => {
    if (names.length > 0 && !ssh[key]) note("missing", ["ssh_config"], `No ${what} for ${names.join(", ")}`);
  };
  without(
    "user",
    "user",
    lacking(({ user }) => user),
  );
  without(
    "identity_file",
    "identity_file",
    lacking((host) => host.identity_file ?? host.ssh_key),
  );
  const unaddressed = lacking(({ internal_ip }) => internal_ip);
  if (unaddressed.length === hosts.length) return;
  const path = ["ssh_config", "hosts"];
  if (unaddressed.length > 0) {
    note("missing", path, `internal_ip is given for some hosts, but not for ${unaddressed.join(", ")}`);
  } else if (ssh.network !== null) {
    note("conflict", path, "internal_ip and network exclude each other");
  }
};

/** What the server refuses of a fleet for the configuration's own sake (docs/spec/configuration.md §5). */
export const checkFleet = (fleet: FleetConfiguration, note: Note): void => {
  const { nodes, ssh_config: ssh, env } = fleet;
  if (nodes && ssh) note("conflict", ["nodes"], "nodes and ssh_config exclude each other");
  if (!nodes && !ssh) note("missing", [], "Give nodes, or ssh_config with the hosts");
  if (!ssh && Object.keys(env).length > 0) note("unsupported", ["env"], "Only fleets of SSH hosts have env");
  if (!ssh) return;
  const given = CLOUD_ONLY.filter((key) => fleet[key] !== null);
  if (given.length > 0) note("conflict", [], `A fleet of SSH hosts has no ${given.join(", ")}`);
  checkSsh(ssh, note);
};
