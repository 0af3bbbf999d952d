import type { InitRepoRequest, RepoCreds } from "../../shared/api/repos.ts";
import { answerOf, hasKeys, isText } from "./answer.ts";
import { type Api, post, postForNothing, upload } from "./client.ts";
import { isMissing } from "./refusal.ts";

interface KnownRepo {
  repo_id: string;
  repo_creds: RepoCreds | null;
}

const repoAnswer = answerOf<KnownRepo>(hasKeys({ repo_id: isText }));

/** With the caller's own credentials; undefined: the server does not know it. */
export const findRepo = async (api: Api, repoId: string): Promise<KnownRepo | undefined> => {
  try {
    const body = { repo_id: repoId, include_creds: true };
    return await post(api, { path: `${api.project}/repos/get`, body, answer: repoAnswer });
  } catch (err) {
    if (isMissing(err)) return undefined;
    throw err;
  }
};

export const initRepo = (api: Api, request: InitRepoRequest): Promise<void> =>
  postForNothing(api, `${api.project}/repos/init`, request);

/** In one request, as the stock client does; its name is the SHA-256 of the content. */
export const uploadCodeAtOnce = async (
  api: Api,
  repoId: string,
  code: { hash: string; read(): Iterable<Uint8Array> },
): Promise<void> => {
  const path = `${api.project}/repos/upload_code?repo_id=${encodeURIComponent(repoId)}`;
  await upload(api, { path, name: code.hash, content: code.read(), answer: answerOf<null>(() => {}) });
};
