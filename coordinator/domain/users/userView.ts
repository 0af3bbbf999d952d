import { toWireTime } from "../../../shared/api/scalars.ts";
import type { User, UserWithCreds } from "../../../shared/api/users.ts";
import type { Deps } from "../../deps.ts";
import type { UserRow } from "../../store/users.ts";

/** Non-admins may create projects, as in the reference's default (docs/spec/http-api.md §1.8). */
export const viewUser = (user: UserRow): User => ({
  id: user.id,
  username: user.username,
  created_at: toWireTime(user.created_at),
  global_role: user.global_role,
  email: user.email,
  active: user.active,
  permissions: { can_create_projects: true },
  ssh_public_key: user.ssh_public_key,
});

/**
 * `token` is the one the user called with or has just been given. Others are not known: only hashes are kept,
 * so an admin who looks at somebody else sees an empty one.
 */
export const viewUserWithCreds = (deps: Deps, user: UserRow, token: string): UserWithCreds => ({
  ...viewUser(user),
  creds: { token },
  ssh_private_key:
    user.ssh_private_key_sealed === null ? null : deps.secrets.open(user.ssh_private_key_sealed),
});
