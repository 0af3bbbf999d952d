import type { Clock } from "../../shared/clock.ts";
import type { Output } from "../context.ts";

/** Which ports of a job are where on this machine, and by which names its programs call themselves. */
export interface UrlMap {
  /** By the job's port. */
  readonly local: ReadonlyMap<number, number>;
  readonly hosts: readonly string[];
  /** The address here that those ports listen on. */
  readonly here: string;
}

export interface UrlOutput extends Output {
  /** What may have become a URL has not: it is written as it is. */
  flush(): void;
}

const SCHEME = Buffer.from("http://");
/** A program that asks for something at the end of a line is not kept waiting for its URL to go on. */
const PATIENCE_MS = 50;
const HTTP_PORT = 80;

/**
 * An output in which URLs of a job's ports are those of this machine (docs/spec/cli.md §6.6). Of what is written only an
 * end is held that may be the beginning of such a URL, and not for long.
 */
export const rewriteUrls = (
  { clock }: { readonly clock: Clock },
  out: Output,
  mapNow: () => UrlMap | undefined,
): UrlOutput => {
  let held: Uint8Array = new Uint8Array();
  let cancel = () => {};
  const write = (bytes: Uint8Array, isEnd: boolean): void => {
    cancel();
    const map = mapNow();
    const text =
      held.length > 0
        ? Buffer.concat([held, bytes])
        : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    const { pieces, rest } = map ? rewrite(text, map, isEnd) : { pieces: [text], rest: new Uint8Array() };
    // Whoever wrote it may use its memory again.
    held = rest.slice();
    if (held.length > 0) cancel = clock.after(PATIENCE_MS, () => write(new Uint8Array(), true));
    for (const piece of pieces) if (piece.length > 0) out.write(piece);
  };
  return {
    isTerminal: out.isTerminal,
    hasColour: out.hasColour,
    get columns() {
      return out.columns;
    },
    get rows() {
      return out.rows;
    },
    write: (data) => write(typeof data === "string" ? Buffer.from(data) : data, false),
    flush: () => write(new Uint8Array(), true),
  };
};

const rewrite = (text: Buffer, map: UrlMap, isEnd: boolean): { pieces: Uint8Array[]; rest: Uint8Array } => {
  const pieces: Uint8Array[] = [];
  let done = 0;
  for (let at = text.indexOf(SCHEME); at >= 0; at = text.indexOf(SCHEME, at + SCHEME.length)) {
    const url = readUrl(text, at + SCHEME.length, map);
    if (url === "unfinished" && !isEnd)
      return { pieces: [...pieces, text.subarray(done, at)], rest: text.subarray(at) };
    const found =
      url === "unfinished" ? readUrl(Buffer.concat([text, Buffer.from("\n")]), at + SCHEME.length, map) : url;
    if (typeof found !== "object") continue;
    pieces.push(text.subarray(done, at), Buffer.from(`http://${map.here}${found.suffix}`));
    done = found.end;
  }
  const from = isEnd ? text.length : Math.max(done, beginOfScheme(text));
  pieces.push(text.subarray(done, from));
  return { pieces, rest: text.subarray(from) };
};

const [ZERO, NINE] = [48, 57];
const MOST_DIGITS = 5;

/** What follows a scheme: a URL of the job's, with the place where its port ends; or no such one. */
const readUrl = (
  text: Buffer,
  from: number,
  { hosts, local }: UrlMap,
): { end: number; suffix: string } | "foreign" | "unfinished" => {
  const after = text.subarray(from, from + 64).toString("latin1");
  const host = hosts.find((one) => after.startsWith(`${one}:`));
  if (host === undefined) return hosts.some((one) => `${one}:`.startsWith(after)) ? "unfinished" : "foreign";
  const begin = from + host.length + 1;
  let end = begin;
  while (end < text.length && isDigit(text[end])) end += 1;
  const digits = text.subarray(begin, end).toString("latin1");
  if (digits.length > MOST_DIGITS) return "foreign";
  if (end === text.length) return couldBePort(digits, local) ? "unfinished" : "foreign";
  const here = local.get(Number(digits));
  if (here === undefined || digits === "" || digits.startsWith("0")) return "foreign";
  return { end, suffix: here === HTTP_PORT ? "" : `:${here}` };
};

const isDigit = (byte: number | undefined): boolean => byte !== undefined && byte >= ZERO && byte <= NINE;

const couldBePort = (digits: string, local: UrlMap["local"]): boolean =>
  [...local.keys()].some((port) => String(port).startsWith(digits));

/** Where an end begins that may go on as a scheme. */
const beginOfScheme = (text: Buffer): number => {
  for (let length = Math.min(SCHEME.length - 1, text.length); length > 0; length -= 1)
    if (text.subarray(text.length - length).equals(SCHEME.subarray(0, length))) return text.length - length;
  return text.length;
};
