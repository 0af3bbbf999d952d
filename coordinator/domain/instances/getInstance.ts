import { AppError } from "../../../shared/errors.ts";
import type { Deps } from "../../deps.ts";
import type { InstanceRow } from "../../store/instances.ts";

/** The instance of a project that goes by a name now: those that are gone have given theirs up. */
export const getLiveInstance = (
  { engine }: Pick<Deps, "engine">,
  projectId: string,
  name: string,
): InstanceRow => {
  const found = engine.listCapacity(projectId).find(({ instance }) => instance.name === name);
  if (!found) throw new AppError("not_found", `Instance ${name} does not exist`);
  return found.instance;
};
