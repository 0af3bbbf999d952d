import type { Volume } from "../../shared/api/volumes.ts";
import { answerOf, hasKeys, isListOf, isNullOr, isText } from "./answer.ts";
import { type Api, post, postForNothing, type RequestOptions } from "./client.ts";
import { isMissing } from "./refusal.ts";

const isVolume = hasKeys({
  id: isText,
  name: isText,
  status: isText,
  status_message: isNullOr(isText),
  created_at: isText,
  configuration: hasKeys({ backend: isText }),
});
const answer = answerOf<Volume>(isVolume);

export const listVolumes = (api: Api, options: RequestOptions = {}): Promise<Volume[]> =>
  post(api, {
    ...options,
    path: `${api.project}/volumes/list`,
    answer: answerOf<Volume[]>(isListOf(isVolume)),
  });

export const findVolume = async (api: Api, name: string): Promise<Volume | undefined> => {
  try {
    return await post(api, { path: `${api.project}/volumes/get`, body: { name }, answer });
  } catch (err) {
    if (isMissing(err)) return undefined;
    throw err;
  }
};

export const createVolume = (api: Api, configuration: Volume["configuration"]): Promise<Volume> =>
  post(api, { path: `${api.project}/volumes/create`, body: { configuration }, answer });

export const deleteVolume = (api: Api, name: string): Promise<void> =>
  postForNothing(api, `${api.project}/volumes/delete`, { names: [name] });
