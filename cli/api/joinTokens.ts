import type { JoinToken, NewJoinToken } from "../../shared/api/joinTokens.ts";
import type { TokenWish } from "../args/tokenOptions.ts";
import { answerOf, hasKeys, isListOf, isText } from "./answer.ts";
import { type Api, post, postForNothing } from "./client.ts";

// Ours: a stock server has no such routes, and answers 405.

const token = { id: isText, fleet: isText, created_at: isText, expires_at: isText };

export const createJoinToken = (api: Api, wish: TokenWish & { fleet: string }): Promise<NewJoinToken> =>
  post(api, {
    path: `${api.project}/fleets/tokens/create`,
    body: wish,
    answer: answerOf<NewJoinToken>(hasKeys({ ...token, token: isText, join_command: isText })),
  });

export const listJoinTokens = (api: Api, fleet: string | undefined): Promise<JoinToken[]> =>
  post(api, {
    path: `${api.project}/fleets/tokens/list`,
    body: { fleet: fleet ?? null },
    answer: answerOf<JoinToken[]>(isListOf(hasKeys(token))),
  });

export const revokeJoinTokens = (api: Api, ids: readonly string[]): Promise<void> =>
  postForNothing(api, `${api.project}/fleets/tokens/revoke`, { ids });
