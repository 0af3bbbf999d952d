import { z } from "zod";
import { JoinToken, NewJoinToken } from "../../shared/api/joinTokens.ts";
import { type Api, post, postForNothing } from "./client.ts";

// Ours: a stock server has no such routes, and answers 405.

export const createJoinToken = (
  api: Api,
  wish: { fleet: string; ttl_s: number; uses: number | null },
): Promise<NewJoinToken> =>
  post(api, { path: `${api.project}/fleets/tokens/create`, body: wish, answer: NewJoinToken });

export const listJoinTokens = (api: Api, fleet: string | undefined): Promise<JoinToken[]> =>
  post(api, {
    path: `${api.project}/fleets/tokens/list`,
    body: { fleet: fleet ?? null },
    answer: z.array(JoinToken),
  });

export const revokeJoinTokens = (api: Api, ids: readonly string[]): Promise<void> =>
  postForNothing(api, `${api.project}/fleets/tokens/revoke`, { ids });
