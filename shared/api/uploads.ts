import { z } from "zod";
import { FileArchive } from "./files.ts";
import { Sha256 } from "./scalars.ts";

/**
 * Ours, all of it: how large content is sent in parts and gone on with after a cut (docs/files.md). A client begins, sends
 * parts from the offset it is told, each answered with the offset reached, and finishes. Any call may be repeated. Who has
 * sent the same bytes before is told so and sends nothing; that somebody else has sent them is not told.
 */
const Content = z.object({ hash: Sha256, size: z.number().int().positive() });

/** `/api/files/get_upload_limits`: what may be sent in this way. */
export const UploadLimits = z.object({
  /** Of one archive or diff; 0: no limit. */
  max_bytes: z.number().int().nonnegative(),
  /** The server's setting that says so. */
  setting: z.string(),
  /** The most that one part may have. */
  part_bytes: z.number().int().positive(),
});
export type UploadLimits = z.infer<typeof UploadLimits>;

/** `/api/files/begin_upload` */
export const BeginUploadRequest = Content;
export type BeginUploadRequest = z.infer<typeof BeginUploadRequest>;

export const BeginUploadAnswer = z.object({
  /** There already: nothing is to be sent. */
  archive: FileArchive.nullable(),
  /** How much has arrived, now or in an earlier attempt. */
  offset: z.number().int().nonnegative(),
});
export type BeginUploadAnswer = z.infer<typeof BeginUploadAnswer>;

/** `/api/files/append_upload?hash=&size=&offset=`, the bytes as `application/octet-stream`; for code as for archives. */
export const AppendUploadQuery = z.object({
  hash: Sha256,
  size: z.coerce.number().int().positive(),
  offset: z.coerce.number().int().nonnegative(),
});

export const AppendUploadAnswer = z.object({ offset: z.number().int().nonnegative() });
export type AppendUploadAnswer = z.infer<typeof AppendUploadAnswer>;

/** `/api/files/finish_upload` */
export const FinishUploadRequest = Content;

export const FinishUploadAnswer = z.object({
  /** Null: what arrived does not have the hash; it is gone and has to be sent again. */
  archive: FileArchive.nullable(),
});
export type FinishUploadAnswer = z.infer<typeof FinishUploadAnswer>;

/** `P/repos/begin_code_upload` and `P/repos/finish_code_upload` */
export const CodeUploadRequest = Content.extend({ repo_id: z.string() });
export type CodeUploadRequest = z.infer<typeof CodeUploadRequest>;

export const BeginCodeUploadAnswer = z.object({
  is_known: z.boolean(),
  offset: z.number().int().nonnegative(),
});
export type BeginCodeUploadAnswer = z.infer<typeof BeginCodeUploadAnswer>;

export const FinishCodeUploadAnswer = z.object({
  /** False: as with a null archive. */
  is_kept: z.boolean(),
});
export type FinishCodeUploadAnswer = z.infer<typeof FinishCodeUploadAnswer>;
