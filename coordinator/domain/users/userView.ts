import { toWireTime } from "../../../shared/api/scalars.ts";
import type { User, UserWithCreds } from "../../../shared/api/users.ts";
import type { Deps } from "../../deps.ts";
import type { UserRow } from "../../store/users.ts";

/** Admins always may (docs/spec/http-api.md §1.8). */
export const canCreateProjects = ({ config }: Deps, user: UserRow): boolean =>
  user.global_role === "admin" || config.canUsersCreateProjects;

export const viewUser = (deps: Deps, user: UserRow): User => ({
  id: user.id,
  username: user.username,
  created_at: toWireTime(user.created_at),
  global_role: user.global_role,
  email: user.email,
  active: user.active,
  permissions: { can_create_projects: canCreateProjects(deps, user) },
  ssh_public_key: user.ssh_public_key,
});

/**
 * `token` is the one the user called with or has just been given. Others are not known: only hashes are kept,
 * so an admin who looks at somebody else sees an empty one.
 */
export const viewUserWithCreds = (deps: Deps, user: UserRow, token: string): UserWithCreds => ({
  ...viewUser(deps, user),
  creds: { token },
  ssh_private_key:
    user.ssh_private_key_sealed === null ? null : deps.secrets.open(user.ssh_private_key_sealed),
});
