import type { FileArchive } from "../../shared/api/files.ts";
import type {
  AppendUploadAnswer,
  BeginCodeUploadAnswer,
  BeginUploadAnswer,
  BeginUploadRequest,
  CodeUploadRequest,
  FinishCodeUploadAnswer,
  FinishUploadAnswer,
  UploadLimits,
} from "../../shared/api/uploads.ts";
import { answerOf, hasKeys, isNullOr, isNumber, isText } from "./answer.ts";
import { type Api, post, postBytes, upload } from "./client.ts";
import { isMissing, isUnknownRoute } from "./refusal.ts";

const isArchive = hasKeys({ id: isText, hash: isText });
const archiveAnswer = answerOf<FileArchive>(isArchive);

/** Undefined: the server takes uploads in one request only. */
export const findUploadLimits = async (api: Api): Promise<UploadLimits | undefined> => {
  const answer = answerOf<UploadLimits>(
    hasKeys({ max_bytes: isNumber, part_bytes: isNumber, setting: isText }),
  );
  try {
    return await post(api, { path: "/api/files/get_upload_limits", answer });
  } catch (err) {
    if (isUnknownRoute(err)) return undefined;
    throw err;
  }
};

export const beginUpload = (api: Api, body: BeginUploadRequest): Promise<BeginUploadAnswer> => {
  const answer = answerOf<BeginUploadAnswer>(hasKeys({ archive: isNullOr(isArchive), offset: isNumber }));
  return post(api, { path: "/api/files/begin_upload", body, answer });
};

export const finishUpload = (api: Api, body: BeginUploadRequest): Promise<FinishUploadAnswer> => {
  const answer = answerOf<FinishUploadAnswer>(hasKeys({ archive: isNullOr(isArchive) }));
  return post(api, { path: "/api/files/finish_upload", body, answer });
};

export const beginCodeUpload = (api: Api, body: CodeUploadRequest): Promise<BeginCodeUploadAnswer> => {
  const answer = answerOf<BeginCodeUploadAnswer>(hasKeys({ offset: isNumber }));
  return post(api, { path: `${api.project}/repos/begin_code_upload`, body, answer });
};

export const finishCodeUpload = (api: Api, body: CodeUploadRequest): Promise<FinishCodeUploadAnswer> =>
  post(api, { path: `${api.project}/repos/finish_code_upload`, body, answer: answerOf(hasKeys()) });

/** Answers how many bytes are there then. */
export const appendUpload = async (
  api: Api,
  { hash, size }: BeginUploadRequest,
  part: { offset: number; bytes: Uint8Array<ArrayBuffer>; timeoutMs: number },
): Promise<number> => {
  const { offset, bytes, timeoutMs } = part;
  const path = `/api/files/append_upload?hash=${hash}&size=${size}&offset=${offset}`;
  const answer = answerOf<AppendUploadAnswer>(hasKeys({ offset: isNumber }));
  return (await postBytes(api, { path, bytes, answer, timeoutMs })).offset;
};

/** In one request, as the stock client does. */
export const uploadArchive = (api: Api, hash: string, content: Iterable<Uint8Array>): Promise<FileArchive> =>
  upload(api, { path: "/api/files/upload_archive", name: hash, content, answer: archiveAnswer });

export const findArchive = async (api: Api, hash: string): Promise<FileArchive | undefined> => {
  try {
    return await post(api, { path: "/api/files/get_archive_by_hash", body: { hash }, answer: archiveAnswer });
  } catch (err) {
    if (isMissing(err) || isUnknownRoute(err)) return undefined;
    throw err;
  }
};
