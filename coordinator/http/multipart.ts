import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { Busboy, type BusboyInstance } from "@fastify/busboy";
import { AppError, messageOf } from "../../shared/errors.ts";

export interface FormFile {
  filename: string;
  /** Read as it comes; never held whole. */
  content: AsyncIterable<Uint8Array>;
}

/** What else a form may have beside the file, and how long the names in it may be. */
const LIMITS = { fields: 100, fieldSize: 64 * 1024, files: 100, headerPairs: 100, headerSize: 16 * 1024 };

/**
 * Gives the first file in a field of this name of a `multipart/form-data` body (RFC 7578) to `take`, and resolves with
 * what comes of that; undefined: there is none. Refuses (`invalid`) what is no form, and one that is cut off.
 */
export const takeFormFile = async <T>(
  request: Request,
  field: string,
  take: (file: FormFile) => Promise<T>,
): Promise<T | undefined> => {
  const parser = parserOf(request.headers.get("content-type") ?? "");
  const stop = new AbortController();
  let taken: Promise<T> | undefined;
  parser.on("file", (name, stream, filename) => {
    if (name !== field || taken || !filename) {
      stream.resume();
      return;
    }
    // A form that breaks ends its file too, or whoever reads it would wait.
    const broken = () => stream.destroy(new Error("The form broke off"));
    stop.signal.addEventListener("abort", broken, { once: true });
    taken = take({ filename, content: stream });
    // Where the form has broken off the parser says so; else whoever took the file has given up.
    let cutOff: unknown;
    stream.on("error", (err) => {
      cutOff = err;
    });
    taken.catch((err: unknown) => {
      if (err !== cutOff) stop.abort();
    });
  });
  try {
    await pipeline(Readable.from(piecesOf(request, stop.signal)), parser, { signal: stop.signal });
  } catch (err) {
    const isOwn = stop.signal.aborted;
    stop.abort();
    // Whoever took the file has given up, and says why.
    if (isOwn) return await taken;
    // It fails because the form did, and that is what is told; but it is over before this is.
    await taken?.catch(() => {});
    throw notAForm(messageOf(err));
  }
  return taken;
};

/** Ends when told to: a source that always has more would otherwise be read for ever. */
async function* piecesOf(request: Request, signal: AbortSignal): AsyncGenerator<Uint8Array, void> {
  for await (const piece of request.body ?? []) {
    if (signal.aborted) return;
    yield piece;
  }
}

const notAForm = (why: string) => new AppError("invalid", `The body is not a multipart form: ${why}`);

const parserOf = (contentType: string): BusboyInstance => {
  if (!/^multipart\/form-data\b/i.test(contentType))
    throw notAForm(`its content type is "${contentType.slice(0, 200)}"`);
  try {
    return new Busboy({ headers: { "content-type": contentType }, limits: LIMITS });
  } catch (err) {
    throw notAForm(messageOf(err));
  }
};
