import { z } from "zod";
import { orNull } from "../schema/field.ts";
import { listed, pageFields, Uuid, Uuid4, WireTime } from "./scalars.ts";

const GlobalRole = z.enum(["admin", "user"]);

export const User = z.object({
  id: Uuid4,
  username: z.string(),
  created_at: orNull(WireTime),
  global_role: GlobalRole,
  email: orNull(z.string()),
  active: z.boolean(),
  permissions: z.object({ can_create_projects: z.boolean() }),
  ssh_public_key: orNull(z.string()),
});
export type User = z.infer<typeof User>;

export const UserWithCreds = User.extend({
  creds: z.object({ token: z.string() }),
  ssh_private_key: orNull(z.string()),
});
export type UserWithCreds = z.infer<typeof UserWithCreds>;

/** A list, or one with how many there are in all where `return_total_count` asks for it. */
export const UserList = z.union([
  z.array(User),
  z.object({ total_count: z.number().int(), users: z.array(User) }),
]);

// Requests (docs/spec/http-api.md §2.2)

export const GetUserRequest = z.object({ username: z.string() });
export type GetUserRequest = z.infer<typeof GetUserRequest>;

export const ListUsersRequest = z.object({
  return_total_count: z.boolean().default(false),
  name_pattern: orNull(z.string().regex(/^[a-zA-Z0-9-_]*$/)),
  prev_created_at: orNull(WireTime),
  prev_id: orNull(Uuid),
  ...pageFields(2000, 2000),
});
export type ListUsersRequest = z.infer<typeof ListUsersRequest>;

export const CreateUserRequest = z.object({
  username: z.string(),
  global_role: GlobalRole,
  email: orNull(z.string()),
  active: z.boolean().default(true),
});
export type CreateUserRequest = z.infer<typeof CreateUserRequest>;

/** Of `refresh_token` and `refresh_ssh_key`. */
export const RefreshUserRequest = z.object({ username: z.string() });

export const DeleteUsersRequest = z.object({ users: listed(z.string()) });
export type DeleteUsersRequest = z.infer<typeof DeleteUsersRequest>;

/** A further key of a user. */
export const PublicKeyInfo = z.object({
  id: Uuid,
  added_at: WireTime,
  name: z.string(),
  type: z.string(),
  fingerprint: z.string(),
});
export type PublicKeyInfo = z.infer<typeof PublicKeyInfo>;

export const AddPublicKeyRequest = z.object({
  key: z.string().max(16_384),
  name: orNull(z.string().max(200)),
});
export type AddPublicKeyRequest = z.infer<typeof AddPublicKeyRequest>;

export const DeletePublicKeysRequest = z.object({ ids: z.array(Uuid).max(1_000) });
