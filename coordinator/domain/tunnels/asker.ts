import type { Deps } from "../../deps.ts";
import { StreamRefusal } from "../../relay/holder.ts";
import { findRole, type ProjectRole } from "../../store/members.ts";
import { findProject, type ProjectRow } from "../../store/projects.ts";
import { listUsersByIds, type UserRow } from "../../store/users.ts";

export type TunnelDeps = Pick<Deps, "db" | "config" | "ssh">;

/** Somebody who was let in to use tunnels of a project. */
export interface Guest {
  user: Pick<UserRow, "id" | "username">;
  project: Pick<ProjectRow, "id" | "name">;
  /** Where they come from. */
  address: string;
  /** What let them in does so still: their token, a key. */
  isLetIn: (user: UserRow) => boolean | Promise<boolean>;
}

/** A guest as they are now, and not as they were when they came. */
export interface Asker {
  user: UserRow;
  project: ProjectRow;
  /** Undefined: no member, but a global admin. */
  role: ProjectRole | undefined;
}

/** Throws a refusal where they may not be here any more. */
export const readAsker = async ({ db }: TunnelDeps, guest: Guest): Promise<Asker> => {
  const [user] = await listUsersByIds(db, [guest.user.id]);
  if (!user || user.deleted || !user.active || !(await guest.isLetIn(user)))
    throw new StreamRefusal("forbidden", "Access was revoked");
  const project = await findProject(db, guest.project.id);
  if (!project || project.deleted) throw new StreamRefusal("not_found", "The project is no more");
  const role = await findRole(db, project.id, user.id);
  if (role === undefined && user.global_role !== "admin")
    throw new StreamRefusal("forbidden", "Access to the project was revoked");
  return { user, project, role };
};
