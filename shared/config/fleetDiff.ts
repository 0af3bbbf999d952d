import type { FleetSpec } from "../api/fleets.ts";
import { type Difference, differing, isSame } from "./difference.ts";
import type { FleetConfiguration } from "./fleet.ts";
import type { SshConfig } from "./sshConfig.ts";

/** What a fleet of instances that are made can take up as it is (docs/spec/configuration.md §10). */
const CLOUD_IN_PLACE: ReadonlySet<string> = new Set([
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
/** Hold for jobs to come, on instances of any kind. */
const IN_PLACE: ReadonlySet<string> = new Set(["default_image"]);

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
const diffFleetConfigurations = (before: FleetConfiguration, after: FleetConfiguration): Difference[] => {
  const isCloud = !before.ssh_config && !after.ssh_config;
  const isInPlace = (property: string): boolean =>
    property === "ssh_config"
      ? isOnlyOtherHosts(before.ssh_config, after.ssh_config)
      : IN_PLACE.has(property) || (isCloud && CLOUD_IN_PLACE.has(property));
  return differing(before, after).map((property) => ({
    field: "configuration",
    property,
    effect: isInPlace(property) ? "none" : "restart",
  }));
};

/** What differs between the fleet there is and the one asked for, and what each change takes. */
export const diffFleets = (before: FleetSpec, after: FleetSpec): Difference[] => {
  const configuration = diffFleetConfigurations(before.configuration, after.configuration)
    // Given or made up, it is the same.
    .filter(({ property }) => property !== "name");
  const profile = differing(before.profile, after.profile).map(
    (property): Difference => ({ field: "profile", property, effect: "restart" }),
  );
  const path: Difference[] =
    before.configuration_path === after.configuration_path
      ? []
      : [{ field: "configuration_path", effect: "none" }];
  return [...path, ...configuration, ...profile];
};
