import { AppError } from "../errors.ts";
import type { ResourcesSpec } from "../resources/spec.ts";
import type { RunConfiguration } from "./configuration.ts";
import type { EnvVars } from "./env.ts";
import type { Port } from "./ports.ts";
import type { Placement } from "./profile.ts";

/** What the options of `apply` put over a configuration (docs/spec/configuration.md §8). */
export interface RunOverrides {
  name?: string | undefined;
  /** Parsed by `parseEnvEntry`. */
  env?: EnvVars;
  /** Each part replaces that part as a whole. */
  resources?: Partial<ResourcesSpec>;
  placement?: Partial<Placement>;
  /** Replaces what the configuration says of the same container ports. */
  ports?: readonly Port[];
}

const portOnce = (ports: readonly Port[], key: keyof Port) => {
  const used = ports.map((port) => port[key]).filter((port) => port !== null);
  const twice = used.find((port, index) => used.indexOf(port) < index);
  if (twice !== undefined) throw new AppError("invalid", `Port ${twice} is already in use`);
};

const sameContainerPort =
  ({ container_port }: Port) =>
  (other: Port): boolean =>
    other.container_port === container_port;

/** Ports may overlap in a file, but not once some are given on the command line (docs/spec/cli.md §4). */
const mergePorts = (configured: readonly Port[], given: readonly Port[]): Port[] => {
  portOnce(given, "container_port");
  const merged = [
    ...configured.map((port) => given.find(sameContainerPort(port)) ?? port),
    ...given.filter((port) => !configured.some(sameContainerPort(port))),
  ];
  portOnce(merged, "container_port");
  portOnce(merged, "local_port");
  return merged;
};

/** Command line over configuration. Groups keep their own resources. Throws `AppError`. */
export const withOverrides = <C extends RunConfiguration>(
  configuration: C,
  { name, env, resources, placement, ports = [] }: RunOverrides,
): C => {
  const overridden: C = {
    ...configuration,
    ...placement,
    name: name ?? configuration.name,
    env: { ...configuration.env, ...env },
    resources: { ...configuration.resources, ...resources },
  };
  if (ports.length === 0) return overridden;
  if (overridden.type === "service") {
    throw new AppError(
      "invalid",
      "A service has one port, which is not forwarded: -p is for the other types",
    );
  }
  return { ...overridden, ports: mergePorts(overridden.ports, ports) };
};
