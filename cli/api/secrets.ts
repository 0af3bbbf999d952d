import type { Secret } from "../../shared/api/secrets.ts";
import { answerOf, hasKeys, isListOf, isText } from "./answer.ts";
import { type Api, post, postForNothing, type RequestOptions } from "./client.ts";

const secret = hasKeys({ id: isText, name: isText });

export const listSecrets = (api: Api, options: RequestOptions = {}): Promise<Secret[]> =>
  post(api, {
    ...options,
    path: `${api.project}/secrets/list`,
    answer: answerOf<Secret[]>(isListOf(secret)),
  });

export const getSecret = (api: Api, name: string): Promise<Secret> =>
  post(api, { path: `${api.project}/secrets/get`, body: { name }, answer: answerOf<Secret>(secret) });

export const setSecret = (api: Api, name: string, value: string): Promise<Secret> =>
  post(api, {
    path: `${api.project}/secrets/create_or_update`,
    body: { name, value },
    answer: answerOf<Secret>(secret),
  });

export const deleteSecrets = (api: Api, names: readonly string[]): Promise<void> =>
  postForNothing(api, `${api.project}/secrets/delete`, { secrets_names: names });
