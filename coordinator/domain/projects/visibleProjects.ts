import type { Deps } from "../../deps.ts";
import { listAllProjects, type ProjectFilter, type ProjectRow } from "../../store/projects.ts";
import type { UserRow } from "../../store/users.ts";

/** What bounds a user's view: global admins see every project, others their own (and public ones if asked for). */
export const visibilityOf = (user: UserRow, orPublic: boolean): ProjectFilter =>
  user.global_role === "admin" ? {} : { memberId: user.id, orPublic };

/** Projects whose runs, fleets and instances the user may list. */
export const listVisibleProjects = (deps: Deps, user: UserRow): Promise<ProjectRow[]> =>
  listAllProjects(deps.db, visibilityOf(user, false));
