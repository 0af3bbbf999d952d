import { z } from "zod";
import { orNull } from "../schema/field.ts";

/** `GET /healthcheck`. */
export const Health = z.object({ status: z.literal("running") });
export type Health = z.infer<typeof Health>;

/** `POST /api/server/get_info`. */
export const ServerInfo = z.object({ server_version: orNull(z.string()) });
export type ServerInfo = z.infer<typeof ServerInfo>;

/** An element of `POST /api/auth/list_providers`. */
export const OAuthProvider = z.object({ name: z.string(), enabled: z.boolean() });
export type OAuthProvider = z.infer<typeof OAuthProvider>;
