import { z } from "zod";
import {
  AddPublicKeyRequest,
  CreateUserRequest,
  DeletePublicKeysRequest,
  DeleteUsersRequest,
  GetUserRequest,
  ListUsersRequest,
  PublicKeyInfo,
  RefreshUserRequest,
  User,
  UserList,
  UserWithCreds,
} from "../../shared/api/users.ts";
import { AppError } from "../../shared/errors.ts";
import {
  createUser,
  deleteUsers,
  getUserByName,
  refreshToken,
  updateUser,
} from "../domain/users/manageUsers.ts";
import { addKey, deleteKeys, listKeys } from "../domain/users/publicKeys.ts";
import { refreshSshKeys, withSshKeys } from "../domain/users/sshKeys.ts";
import { viewUser, viewUserWithCreds } from "../domain/users/userView.ts";
import { countUsers, listUsers, type UserRow } from "../store/users.ts";
import { accessDenied, tokenOf } from "./access.ts";
import { pageOf } from "./page.ts";
import { NOTHING, type Route, userRoute } from "./route.ts";

const isSelf = (user: UserRow, username: string): boolean =>
  user.username.toLowerCase() === username.toLowerCase();

export const userRoutes: Route[] = [
  userRoute({
    path: "/api/users/get_my_user",
    summary: "Who the token belongs to, with the keys for SSH",
    tag: "users",
    access: "auth",
    answer: UserWithCreds,
    handle: async ({ c, deps, user }) =>
      viewUserWithCreds(deps, await withSshKeys(deps, user), tokenOf(c) ?? ""),
  }),
  userRoute({
    path: "/api/users/get_user",
    summary: "One user; only admins see others",
    tag: "users",
    access: "auth",
    body: GetUserRequest,
    answer: UserWithCreds,
    handle: async ({ c, deps, user, body }) => {
      const self = isSelf(user, body.username);
      if (!self && user.global_role !== "admin") throw new AppError("not_found", "Resource not found");
      const found = await withSshKeys(deps, await getUserByName(deps, body.username));
      return viewUserWithCreds(deps, found, self ? (tokenOf(c) ?? "") : "");
    },
  }),
  userRoute({
    path: "/api/users/list",
    summary: "Users; whoever is no admin sees only themselves",
    tag: "users",
    access: "auth",
    body: ListUsersRequest,
    answer: UserList,
    handle: async ({ deps, user, body }) => {
      const filter = {
        ...(user.global_role === "admin" ? {} : { id: user.id }),
        ...(body.name_pattern === null ? {} : { namePart: body.name_pattern }),
      };
      const users = (await listUsers(deps.db, filter, pageOf(body))).map((row) => viewUser(deps, row));
      return body.return_total_count ? { total_count: await countUsers(deps.db, filter), users } : users;
    },
  }),
  userRoute({
    path: "/api/users/create",
    summary: "Make a user; the answer tells the token, once",
    tag: "users",
    access: "gadmin",
    body: CreateUserRequest,
    answer: UserWithCreds,
    handle: async ({ deps, user, body }) => {
      const made = await createUser(deps, body, { actorId: user.id });
      // More than the reference answers, which has admins ask for the token: here nobody can ask later.
      return viewUserWithCreds(deps, made.user, made.token);
    },
  }),
  userRoute({
    path: "/api/users/update",
    summary: "Change the role or address of a user, or whether they may come in",
    tag: "users",
    access: "gadmin",
    body: CreateUserRequest,
    answer: User,
    handle: async ({ deps, user, body }) => viewUser(deps, await updateUser(deps, body, user.id)),
  }),
  userRoute({
    path: "/api/users/refresh_token",
    summary: "Give a user another token in place of the old one",
    tag: "users",
    access: "auth",
    body: RefreshUserRequest,
    answer: UserWithCreds,
    handle: async ({ deps, user, body }) => {
      if (!isSelf(user, body.username) && user.global_role !== "admin") throw accessDenied();
      const owner = await getUserByName(deps, body.username);
      const { user: refreshed, token } = await refreshToken(deps, owner, user.id);
      return viewUserWithCreds(deps, refreshed, token);
    },
  }),
  userRoute({
    path: "/api/users/refresh_ssh_key",
    summary: "Give a user another pair of keys for SSH in place of the old one",
    tag: "users",
    access: "auth",
    body: RefreshUserRequest,
    answer: UserWithCreds,
    handle: async ({ c, deps, user, body }) => {
      const self = isSelf(user, body.username);
      if (!self && user.global_role !== "admin") throw accessDenied();
      const owner = await getUserByName(deps, body.username);
      const refreshed = await refreshSshKeys(deps, owner, user.id);
      return viewUserWithCreds(deps, refreshed, self ? (tokenOf(c) ?? "") : "");
    },
  }),
  userRoute({
    path: "/api/users/delete",
    summary: "Delete users",
    tag: "users",
    access: "gadmin",
    body: DeleteUsersRequest,
    answer: NOTHING,
    handle: ({ deps, user, body }) => deleteUsers(deps, body.users, user.id),
  }),
  userRoute({
    path: "/api/users/public_keys/list",
    summary: "Further keys of the caller for SSH",
    tag: "users",
    access: "auth",
    answer: z.array(PublicKeyInfo),
    handle: ({ deps, user }) => listKeys(deps, user),
  }),
  userRoute({
    path: "/api/users/public_keys/add",
    summary: "Add a key for SSH",
    tag: "users",
    access: "auth",
    body: AddPublicKeyRequest,
    answer: PublicKeyInfo,
    handle: ({ deps, user, body }) => addKey(deps, user, body),
  }),
  userRoute({
    path: "/api/users/public_keys/delete",
    summary: "Delete keys for SSH",
    tag: "users",
    access: "auth",
    body: DeletePublicKeysRequest,
    answer: NOTHING,
    handle: ({ deps, user, body }) => deleteKeys(deps, user, body.ids),
  }),
];
