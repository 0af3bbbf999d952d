import { AppError } from "../../shared/errors.ts";
import { checkUploadSize, type UploadLimit } from "../../shared/uploadLimit.ts";
import type { Received } from "../blobs/receive.ts";
import type { UploadStore } from "../blobs/uploadStore.ts";
import type { CoordinatorConfig } from "../config.ts";
import { InvalidBody } from "./jsonBody.ts";
import { takeFormFile } from "./multipart.ts";

/** What one request of a resumable upload may carry: held in memory until it is whole. */
export const UPLOAD_PART_BYTES = 8 * 1024 ** 2;

type Config = Pick<CoordinatorConfig, "uploadLimits">;

export const requestLimit = ({ uploadLimits }: Config, what: UploadLimit["what"]): UploadLimit => ({
  what,
  setting: "DSTACK_SERVER_CODE_UPLOAD_LIMIT",
  bytes: uploadLimits.inOne,
});

export const partsLimit = ({ uploadLimits }: Config, what: UploadLimit["what"]): UploadLimit => ({
  what,
  setting: uploadLimits.partsSetting,
  bytes: uploadLimits.inParts,
});

/** What the unfinished uploads of one user may come to together. */
export const unfinishedLimit = ({ uploadLimits: { inParts } }: Config): number =>
  inParts === 0 ? Number.POSITIVE_INFINITY : 4 * inParts;

/** The one file of a multipart upload, named after the SHA-256 of its content, as the stock client sends it. */
export const readUpload = async (
  request: Request,
  uploads: UploadStore,
  limit: UploadLimit,
): Promise<Received> => {
  const taken = await takeFormFile(request, "file", async ({ filename, content }) => {
    await using opened = new AsyncDisposableStack();
    const most = limit.bytes === 0 ? Number.POSITIVE_INFINITY : limit.bytes;
    const received = opened.use(await uploads.receive(content, most));
    checkUploadSize(received.size, limit);
    if (filename !== received.sha256)
      throw new AppError("invalid", `The file is named "${filename}" but its SHA-256 is ${received.sha256}`);
    opened.move();
    return received;
  });
  if (taken) return taken;
  throw new InvalidBody([{ type: "missing", loc: ["body", "file"], msg: "Field required" }]);
};

/** Memory of parts that have been written: new memory for each would be many times as much before it is collected. */
const freeBuffers: Uint8Array[] = [];
const MOST_FREE = 4;

/** What of a body has been read is garbage at once, and much of it before the collector comes by itself. */
const COLLECT_BYTES = 32 * 1024 ** 2;
let uncollected = 0;

const collectAfter = (bytes: number): void => {
  uncollected += bytes;
  if (uncollected < COLLECT_BYTES) return;
  uncollected = 0;
  Bun.gc(false);
};

/**
 * Calls with the body of one such request, or with what came of it before its client was gone; the bytes are good until
 * `use` is done.
 */
export const withPart = async <T>(request: Request, use: (bytes: Uint8Array) => Promise<T>): Promise<T> => {
  const buffer = freeBuffers.pop() ?? new Uint8Array(UPLOAD_PART_BYTES);
  try {
    let size = 0;
    try {
      for await (const piece of request.body ?? []) {
        if (size + piece.length > buffer.length)
          throw new AppError("too_large", `A part of an upload may have ${buffer.length} bytes`);
        buffer.set(piece, size);
        size += piece.length;
      }
    } catch (err) {
      if (err instanceof AppError || !request.signal.aborted) throw err;
      // The client was cut off: what came is where it goes on.
    }
    collectAfter(size);
    return await use(buffer.subarray(0, size));
  } finally {
    if (freeBuffers.length < MOST_FREE) freeBuffers.push(buffer);
  }
};
