import { AppError } from "../../shared/errors.ts";

/** One part of a form, whose content is read as it comes; what is left of it is skipped when the next one is asked for. */
export interface FormPart {
  readonly name: string | undefined;
  readonly filename: string | undefined;
  readonly content: AsyncIterable<Uint8Array>;
}

/** Headers of a part beyond this are nobody's. */
const MOST_HEADER_BYTES = 16 * 1024;

const notAForm = (why: string) => new AppError("invalid", `The body is not a multipart form: ${why}`);

/** The parts of a `multipart/form-data` body (RFC 7578), none of which is ever held whole. */
export async function* readForm(request: Request): AsyncGenerator<FormPart, void> {
  const boundary = boundaryOf(request.headers.get("content-type") ?? "");
  const input = new Pieces(request.body ?? new Blob().stream());
  // Before the first boundary there is nothing, or what nobody is to read.
  const delimiter = Buffer.from(`\r\n--${boundary}`);
  await drain(input.until(delimiter.subarray(2)));
  for (;;) {
    const next = await input.bytes(2);
    if (next === "--") return;
    if (next !== "\r\n") throw notAForm("something follows a boundary");
    const headers = await readHeaders(input);
    const content = input.until(delimiter);
    yield { ...disposition(headers), content };
    await drain(content);
  }
}

const boundaryOf = (contentType: string): string => {
  const [, quoted, plain] =
    /^multipart\/form-data\s*;(?:.*;)?\s*boundary=(?:"([^"\r\n]{1,70})"|([^\s;"]{1,70}))/i.exec(
      contentType,
    ) ?? [];
  const boundary = quoted ?? plain;
  if (boundary === undefined) throw notAForm(`its content type is "${contentType.slice(0, 200)}"`);
  return boundary;
};

const drain = async (content: AsyncIterable<Uint8Array>): Promise<void> => {
  for await (const _ of content);
};

const readHeaders = async (input: Pieces): Promise<Map<string, string>> => {
  const headers = new Map<string, string>();
  for (let left = MOST_HEADER_BYTES; ; ) {
    const line = await input.line(left);
    if (line === "") return headers;
    left -= line.length;
    const colon = line.indexOf(":");
    headers.set(line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim());
  }
};

/** The names in `Content-Disposition`; browsers and libraries quote them alike. */
const disposition = (headers: Map<string, string>) => {
  const text = headers.get("content-disposition") ?? "";
  const paramOf = (key: string): string | undefined => {
    const [, quoted, plain] =
      new RegExp(`;\\s*${key}=(?:"((?:[^"\\\\]|\\\\.)*)"|([^;\\s]*))`, "i").exec(text) ?? [];
    return quoted?.replace(/\\(.)/g, "$1") ?? plain;
  };
  return { name: paramOf("name"), filename: paramOf("filename") };
};

/** A stream that is read up to a mark. */
class Pieces {
  readonly #source: AsyncIterator<Uint8Array>;
  #buffer: Buffer = Buffer.alloc(0);

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** What comes before the mark, which is taken away. Left in the middle, it can be gone on with. */
  until(mark: Buffer): AsyncIterableIterator<Uint8Array> {
    let isOver = false;
    const pieces: AsyncIterableIterator<Uint8Array> = {
      [Symbol.asyncIterator]: () => pieces,
      next: async () => {
        while (!isOver) {
          const at = this.#buffer.indexOf(mark);
          isOver = at >= 0;
          // The mark may have begun at the end of what is here.
          const value = this.#cut(isOver ? at : Math.max(0, this.#buffer.length - mark.length + 1));
          if (isOver) this.#cut(mark.length);
          if (value.length > 0) return { done: false, value };
          if (!isOver) await this.#more();
        }
        return { done: true, value: undefined };
      },
    };
    return pieces;
  }

  /** A line without its end. */
  async line(most: number): Promise<string> {
    for (;;) {
      const at = this.#buffer.indexOf("\r\n");
      if (at > most || (at < 0 && this.#buffer.length > most))
        throw notAForm("the headers of a part are too long");
      if (at >= 0) {
        const line = this.#cut(at).toString();
        this.#cut(2);
        return line;
      }
      await this.#more();
    }
  }

  /** Exactly so many bytes. */
  async bytes(count: number): Promise<string> {
    while (this.#buffer.length < count) await this.#more();
    return this.#cut(count).toString("latin1");
  }

  #cut(length: number): Buffer {
    const before = this.#buffer.subarray(0, length);
    this.#buffer = this.#buffer.subarray(length);
    return before;
  }

  async #more(): Promise<void> {
    const { done, value } = await this.#source.next();
    if (done) throw notAForm("it ends before its last boundary");
    this.#buffer = this.#buffer.length === 0 ? Buffer.from(value) : Buffer.concat([this.#buffer, value]);
  }
}
