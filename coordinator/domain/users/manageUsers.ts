import { USERNAME } from "../../../shared/api/scalars.ts";
import type { CreateUserRequest } from "../../../shared/api/users.ts";
import { AppError } from "../../../shared/errors.ts";
import type { Deps } from "../../deps.ts";
import { writeAll } from "../../store/db.ts";
import { hashToken, newToken } from "../../store/tokens.ts";
import {
  findUserByName,
  insertUser,
  listUsersByIds,
  markUsersDeleted,
  patchUser,
  setUserTokenHash,
  type UserRow,
} from "../../store/users.ts";
import { userCreated, userDeleted, userTokenRefreshed, userUpdated } from "../events/adminEvents.ts";
import { generateSshKeyPair } from "./sshKeys.ts";

/** The first admin; cannot be deleted. */
export const ADMIN_NAME = "admin";

export interface NewUser {
  user: UserRow;
  /** Told this once; the store keeps its hash. */
  token: string;
}

/** Who makes it; left out: nobody, it is the first and makes itself. */
interface Making {
  actorId?: string;
  token?: string | undefined;
}

export const createUser = async (
  deps: Deps,
  wanted: CreateUserRequest,
  { actorId, token = newToken("") }: Making = {},
): Promise<NewUser> => {
  if (!USERNAME.test(wanted.username))
    throw new AppError("invalid", `Username should match regex '${USERNAME.source}'`);
  const id = crypto.randomUUID();
  const keys = await generateSshKeyPair(wanted.username);
  const row = {
    id,
    ...wanted,
    token_hash: hashToken(token),
    ssh_public_key: keys.publicKey,
    ssh_private_key_sealed: deps.secrets.seal(keys.privateKey),
    created_at: deps.clock.now(),
  };
  await insertUser(deps.db, row, deps.tell([userCreated(row, actorId ?? id)]));
  const [user] = await listUsersByIds(deps.db, [id]);
  if (!user) throw new Error(`User ${id} is gone right after it was made`);
  return { user, token };
};

export const getUserByName = async (deps: Deps, username: string): Promise<UserRow> => {
  const user = await findUserByName(deps.db, username);
  if (!user) throw new AppError("not_found", `User "${username}" not found`);
  return user;
};

/** From now on the old token is refused. */
export const refreshToken = async (deps: Deps, user: UserRow, actorId: string): Promise<NewUser> => {
  const token = newToken("");
  await writeAll(deps.db, [
    setUserTokenHash(deps.db, user.id, hashToken(token)),
    ...deps.tell([userTokenRefreshed(user, actorId)]),
  ]);
  return { user, token };
};

/** Role, address and whether they may come in; the admin stays one, or nobody could undo it. */
export const updateUser = async (
  deps: Deps,
  { username, global_role, email, active }: CreateUserRequest,
  actorId: string,
): Promise<UserRow> => {
  const user = await getUserByName(deps, username);
  if (user.username.toLowerCase() === ADMIN_NAME && (global_role !== "admin" || !active))
    throw new AppError("invalid", `User "${ADMIN_NAME}" stays an active admin`);
  const wanted = { global_role, email, active };
  const changed = (["global_role", "email", "active"] as const).filter((key) => user[key] !== wanted[key]);
  if (changed.length === 0) return user;
  await writeAll(deps.db, [
    patchUser(deps.db, user.id, wanted),
    ...deps.tell([userUpdated(user, changed, actorId)]),
  ]);
  return { ...user, ...wanted };
};

/** All of them, or none if one cannot be. Their runs stay. */
export const deleteUsers = async (deps: Deps, usernames: string[], actorId: string): Promise<void> => {
  if (usernames.some((name) => name.toLowerCase() === ADMIN_NAME))
    throw new AppError("invalid", `User "${ADMIN_NAME}" cannot be deleted`);
  const named = await Promise.all(usernames.map((name) => getUserByName(deps, name)));
  const found = [...new Map(named.map((user) => [user.id, user])).values()];
  const ids = found.map((user) => user.id);
  await writeAll(deps.db, [
    markUsersDeleted(deps.db, ids),
    ...deps.tell(found.map((user) => userDeleted(user, actorId))),
  ]);
};
