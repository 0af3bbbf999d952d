import { AppError } from "../../../shared/errors.ts";
import type { Deps } from "../../deps.ts";
import type { InstanceRow } from "../../store/instances.ts";
import type { UserRow } from "../../store/users.ts";
import { removeInstance } from "../fleets/deleteFleets.ts";

/**
 * Takes an instance out at once, or has its host leave and clean up after itself, which may take until it is heard of
 * again. Its credential is worth nothing from then on.
 */
export const removeForUser = async (
  deps: Pick<Deps, "db" | "fleets" | "engine" | "clock">,
  instance: InstanceRow,
  { force, uninstall, user }: { force: boolean; uninstall: boolean; user: UserRow },
): Promise<void> => {
  if (!uninstall) {
    if (force) await deps.engine.loseJobs(instance);
    return removeInstance(deps, instance, user.id);
  }
  if (instance.made)
    throw new AppError("unsupported", `${instance.name} was made by a backend, which ends it as a whole`, {
      hint: "Remove it without --uninstall",
    });
  if (!force && (deps.engine.findCapacity(instance.id)?.occupants.size ?? 0) > 0)
    throw new AppError("conflict", `Instance ${instance.name} has a running job`, {
      hint: "Stop the run first, or use --force, which kills it",
    });
  await deps.engine.setLeaving(instance, { at: deps.clock.now(), by: user.username, force });
};
