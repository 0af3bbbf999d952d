import { createHash } from "node:crypto";
import { AppError } from "../../shared/errors.ts";
import type { Upload } from "../domain/files/uploads.ts";
import { InvalidBody } from "./jsonBody.ts";

/** What multipart adds to the content: boundaries and headers of one part. */
const ENVELOPE_BYTES = 4096;

/** Beyond this nothing is read any more, whatever is configured: the body is held in memory. */
const HARD_LIMIT_BYTES = 1024 ** 3;

const mib = (bytes: number): string => `${(bytes / 1024 ** 2).toFixed(1)}MiB`;

const tooLarge = (size: number, limit: number) =>
  new AppError(
    "invalid",
    `Archive size is ${mib(size)}, which exceeds the limit of ${mib(limit)}. ` +
      "Use .gitignore/.dstackignore to exclude large files. This limit can be modified by setting the " +
      "DSTACK_SERVER_CODE_UPLOAD_LIMIT environment variable.",
  );

/**
 * The one file of a multipart upload, named after the SHA-256 of its content. `limit` 0: none but the hard
 * one. What is too large is read to its end (and dropped), as clients only look at the answer when they have
 * sent all.
 */
export const readUpload = async (request: Request, limit: number): Promise<Upload> => {
  const most = Math.min(limit === 0 ? HARD_LIMIT_BYTES : limit, HARD_LIMIT_BYTES);
  const { body, size } = await readUpTo(request, most + ENVELOPE_BYTES);
  if (body === undefined) throw tooLarge(size, most);
  const file = await filePart(request, body);
  if (file.size > most) throw tooLarge(file.size, most);
  const bytes = new Uint8Array(await file.arrayBuffer());
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  if (file.name !== sha256)
    throw new AppError("invalid", `The file is named "${file.name}" but its SHA-256 is ${sha256}`);
  return { sha256, bytes };
};

const readUpTo = async (request: Request, most: number): Promise<{ body?: Blob; size: number }> => {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  for await (const chunk of request.body ?? []) {
    size += chunk.length;
    if (size > most) chunks.length = 0;
    else chunks.push(chunk);
  }
  return size > most ? { size } : { body: new Blob(chunks), size };
};

const filePart = async (request: Request, body: Blob): Promise<File> => {
  const headers = { "content-type": request.headers.get("content-type") ?? "" };
  const form = await new Response(body, { headers }).formData().catch((cause: unknown) => {
    throw new AppError("invalid", "The body is not a multipart form", { cause });
  });
  const file = form.get("file");
  if (file instanceof File) return file;
  throw new InvalidBody([{ type: "missing", loc: ["body", "file"], msg: "Field required" }]);
};
