import type { ResourcesSpec } from "../resources/spec.ts";
import type { RunConfiguration } from "./configuration.ts";
import type { ImageChoice } from "./image.ts";
import type { Port } from "./ports.ts";
import { mergeProfile, type Placement } from "./profile.ts";
import type { ReplicaGroup } from "./service.ts";

/** One kind of job: the run's own properties, or those of one of its groups where they differ. */
export interface JobKind extends ImageChoice {
  python: string | null;
  privileged: boolean;
  resources: ResourcesSpec;
  commands: readonly string[];
  ports: readonly Port[];
  placement: Placement;
  replica_group: string;
  node_group_index: number;
  node_group_name: string;
}

/** The kinds of a replica's jobs, each with how many of it there are. */
export const kindsOf = (
  configuration: RunConfiguration,
  placement: Placement,
  replicaGroup: string | undefined,
): { kind: JobKind; count: number }[] => {
  const { image, docker, nvcc, python, privileged, resources } = configuration;
  const common = { image, docker, nvcc, python, privileged, resources, placement };
  const single = { ...common, replica_group: "0", node_group_index: 0, node_group_name: "0" };
  if (configuration.type === "dev-environment") {
    return [{ kind: { ...single, commands: configuration.init, ports: configuration.ports }, count: 1 }];
  }
  if (configuration.type === "task") {
    const { groups, nodes = 1, commands, ports } = configuration;
    if (!groups) return [{ kind: { ...single, commands, ports }, count: nodes }];
    return groups.map((group, index) => ({
      kind: {
        ...single,
        resources: group.resources,
        commands: group.commands,
        ports: group.ports,
        node_group_index: index,
        node_group_name: group.name,
      },
      count: group.nodes,
    }));
  }
  const { replicas, commands } = configuration;
  if (!Array.isArray(replicas)) return [{ kind: { ...single, commands, ports: [] }, count: 1 }];
  return replicas
    .filter((group) => replicaGroup === undefined || group.name === replicaGroup)
    .map((group) => ({ kind: replicaKind(single, group), count: 1 }));
};

/** Whether a job of a run runs in the default image: nobody has chosen another one for its kind. */
export const hasDefaultImage = (
  configuration: RunConfiguration,
  job: { replica_group: string; node_group_index: number },
): boolean => {
  const placement = mergeProfile(null, configuration);
  const kinds = kindsOf(configuration, placement, undefined);
  const own = kinds.find(
    ({ kind }) => kind.replica_group === job.replica_group && kind.node_group_index === job.node_group_index,
  );
  return own !== undefined && !own.kind.image && !own.kind.docker;
};

const replicaKind = (single: Omit<JobKind, "commands" | "ports">, group: ReplicaGroup): JobKind => ({
  ...single,
  image: group.image ?? single.image,
  docker: group.docker ?? single.docker,
  nvcc: group.nvcc ?? single.nvcc,
  python: group.python ?? single.python,
  privileged: group.privileged ?? single.privileged,
  resources: group.resources,
  commands: group.commands,
  ports: [],
  replica_group: group.name,
  placement: {
    ...single.placement,
    spot_policy: group.spot_policy ?? single.placement.spot_policy,
    reservation: group.reservation ?? single.placement.reservation,
  },
});
