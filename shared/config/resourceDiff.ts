import { type Difference, differing, isSame } from "./difference.ts";
import type { FleetConfiguration } from "./fleet.ts";
import type { GatewayConfiguration } from "./gateway.ts";
import type { SshConfig } from "./sshConfig.ts";
import type { VolumeConfiguration } from "./volume.ts";

/** Hold for instances to come. */
const CLOUD_FLEET: ReadonlySet<string> = new Set([
  "nodes",
  "reservation",
  "tags",
  "resources",
  "backends",
  "regions",
  "availability_zones",
  "instance_types",
  "spot_policy",
  "max_price",
]);
const GATEWAY: ReadonlySet<string> = new Set(["domain", "default", "replicas"]);

const change = (property: string, isInPlace: boolean): Difference => ({
  field: "configuration",
  property,
  effect: isInPlace ? "none" : "restart",
});

/** A host without where its key lay: keys are compared, not their files. */
const hostOf = (host: SshConfig["hosts"][number]) => {
  const { identity_file: _path, ...rest } = typeof host === "string" ? { hostname: host } : { ...host };
  return rest;
};

/** Hosts may come and go; those that stay, and how they are reached, must be the same. */
const isOnlyOtherHosts = (before: SshConfig | null, after: SshConfig | null): boolean => {
  if (!before || !after) return false;
  const { hosts: old, identity_file: _old, ...how } = before;
  const { hosts, identity_file: _new, ...newHow } = after;
  const kept = hosts.map(hostOf);
  const changed = old.map(hostOf).some((host) => {
    const same = kept.find(({ hostname }) => hostname === host.hostname);
    return same !== undefined && !isSame(same, host);
  });
  return isSame(how, newHow) && !changed;
};

/** docs/spec/configuration.md §10; whether a host that goes is busy is the server's to see. */
export const diffFleets = (before: FleetConfiguration, after: FleetConfiguration): Difference[] => {
  const isCloud = !before.ssh_config && !after.ssh_config;
  return differing(before, after).map((property) =>
    change(
      property,
      property === "ssh_config"
        ? isOnlyOtherHosts(before.ssh_config, after.ssh_config)
        : isCloud && CLOUD_FLEET.has(property),
    ),
  );
};

/** An unset `default` leaves it as it is. */
export const diffGateways = (before: GatewayConfiguration, after: GatewayConfiguration): Difference[] =>
  differing(before, after)
    .filter((property) => property !== "default" || after.default !== undefined)
    .map((property) => change(property, GATEWAY.has(property)));

export const diffVolumes = (before: VolumeConfiguration, after: VolumeConfiguration): Difference[] =>
  differing(before, after).map((property) => change(property, false));
