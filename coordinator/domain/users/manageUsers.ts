import { USERNAME } from "../../../shared/api/scalars.ts";
import type { CreateUserRequest } from "../../../shared/api/users.ts";
import { AppError } from "../../../shared/errors.ts";
import type { Deps } from "../../deps.ts";
import { hashToken, newToken } from "../../store/tokens.ts";
import {
  findUserByName,
  insertUser,
  listUsersByIds,
  markUsersDeleted,
  setUserTokenHash,
  type UserRow,
} from "../../store/users.ts";
import { generateSshKeyPair } from "./sshKeys.ts";

/** The first admin; cannot be deleted. */
export const ADMIN_NAME = "admin";

export interface NewUser {
  user: UserRow;
  /** Told this once; the store keeps its hash. */
  token: string;
}

export const createUser = async (
  deps: Deps,
  wanted: CreateUserRequest,
  token = newToken(""),
): Promise<NewUser> => {
  if (!USERNAME.test(wanted.username))
    throw new AppError("invalid", `Username "${wanted.username}" should match regex '${USERNAME.source}'`);
  const id = crypto.randomUUID();
  const keys = await generateSshKeyPair(wanted.username);
  await insertUser(deps.db, {
    id,
    ...wanted,
    token_hash: hashToken(token),
    ssh_public_key: keys.publicKey,
    ssh_private_key_sealed: deps.secrets.seal(keys.privateKey),
    created_at: deps.clock.now(),
  });
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
export const refreshToken = async (deps: Deps, user: UserRow): Promise<NewUser> => {
  const token = newToken("");
  await setUserTokenHash(deps.db, user.id, hashToken(token));
  return { user, token };
};

/** All of them, or none if one cannot be. Their runs stay. */
export const deleteUsers = async (deps: Deps, usernames: string[]): Promise<void> => {
  if (usernames.some((name) => name.toLowerCase() === ADMIN_NAME))
    throw new AppError("invalid", `User "${ADMIN_NAME}" cannot be deleted`);
  const found = await Promise.all(usernames.map((name) => getUserByName(deps, name)));
  await markUsersDeleted(
    deps.db,
    found.map((user) => user.id),
  );
};
