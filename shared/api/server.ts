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

/** Of `/api/auth/{provider}/authorize`. */
export const AuthorizeRequest = z.object({
  local_port: orNull(z.number().int().min(1).max(65_535)),
  base_url: orNull(z.string()),
});
export const AuthorizeAnswer = z.object({ authorization_url: z.string() });

/** Of `/api/auth/{provider}/callback`. */
export const AuthCallbackRequest = z.object({
  code: z.string(),
  state: z.string(),
  base_url: orNull(z.string()),
});

/** Of `/api/auth/get_next_redirect`. */
export const NextRedirectRequest = z.object({ code: z.string(), state: z.string() });
export const NextRedirectAnswer = z.object({ redirect_url: orNull(z.string()) });

/** Of `/api/sshproxy/get_upstream`; `id`: that of a submission, without its dashes. What is no such id is not there. */
export const GetUpstreamRequest = z.object({ id: z.string().max(200) });

/** Hosts in the order of the hops. */
export const SshUpstream = z.object({
  hosts: z.array(
    z.object({ host: z.string(), port: z.number().int(), user: z.string(), private_key: z.string() }),
  ),
  authorized_keys: z.array(z.string()),
});
export type SshUpstream = z.infer<typeof SshUpstream>;
