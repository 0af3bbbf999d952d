import { AppError } from "../../../shared/errors.ts";
import type { CoordinatorConfig } from "../../config.ts";
import type { ProjectRole } from "../../store/members.ts";
import type { UserRow } from "../../store/users.ts";

interface Person {
  user: Pick<UserRow, "global_role">;
  /** Undefined: not a member. */
  role: ProjectRole | undefined;
}

/** May this person have the coordinator log in to hosts (docs/spec/http-api.md §1.8)? */
export const maySetUpHosts = (
  { canUsersManageSshFleets }: Pick<CoordinatorConfig, "canUsersManageSshFleets">,
  { user, role }: Person,
): boolean => canUsersManageSshFleets || user.global_role === "admin" || role === "admin";

export const requireHostRights = (
  config: Pick<CoordinatorConfig, "canUsersManageSshFleets">,
  person: Person,
): void => {
  if (!maySetUpHosts(config, person))
    throw new AppError("forbidden", "You have no permission to manage SSH fleets", {
      hint: "Ask an admin of the project, or let hosts join by themselves (`dstack fleet token create`)",
    });
};
