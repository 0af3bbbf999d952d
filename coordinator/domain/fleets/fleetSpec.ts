import type { FleetSpec } from "../../../shared/api/fleets.ts";
import { RESOURCE_NAME } from "../../../shared/api/scalars.ts";
import { checkFleet } from "../../../shared/config/checkFleet.ts";
import { AppError } from "../../../shared/errors.ts";
import { checkHosts } from "./sshSpec.ts";

/** More than anybody means; what is typed wrong must not be paid for. */
const MOST_INSTANCES = 1_000;

/** Refuses what could not be applied: `invalid` or `unsupported`. Nothing is changed. */
export const checkFleetSpec = (spec: FleetSpec): void => {
  const { configuration } = spec;
  const { name, nodes, ssh_config: ssh } = configuration;
  if (name !== null && !RESOURCE_NAME.test(name))
    throw new AppError("invalid", `Resource name should match regex '${RESOURCE_NAME.source}'`);
  if (ssh === null && nodes === null) throw new AppError("invalid", "No ssh_config or nodes specified");
  checkFleet(configuration, (_kind, path, message) => {
    throw new AppError("invalid", path.length > 0 ? `${path.join(".")}: ${message}` : message);
  });
  if (ssh !== null) checkHosts(spec);
  const least = Math.max(nodes?.min ?? 0, nodes?.target ?? 0);
  if (least > MOST_INSTANCES)
    throw new AppError("invalid", `nodes: a fleet has at most ${MOST_INSTANCES} instances, got ${least}`);
};
