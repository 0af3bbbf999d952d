/** What a tar says of one entry before its content. */
export interface TarEntry {
  readonly name: string;
  readonly kind: "file" | "folder" | "link";
  readonly mode: number;
  /** Of a file; 0 of others. */
  readonly size: number;
  /** Of a link. */
  readonly target?: string | undefined;
}

const BLOCK = 512;

/**
 * The same for every entry, as archives are known by their hash: a fresh checkout, or a folder in which an ignored file
 * was touched, is the same archive. Not 1970: that is before what ZIP files can say.
 */
const MTIME_S = Date.UTC(1980, 0, 1) / 1000;

const MOST_NAME_BYTES = 100;
/** Beyond what eleven octal digits hold. */
const SIZE_LIMIT = 8 ** 11;
const TYPES = { file: "0", folder: "5", link: "2" } as const;

const utf8 = new TextEncoder();

/**
 * The header of an entry (POSIX.1-1988 ustar), after an extended one (pax) where a name is long or not ASCII, or a file
 * has 8 GiB. Nobody owns it: who unpacks it does.
 */
export const tarHeader = ({ name, kind, mode, size, target = "" }: TarEntry): Uint8Array => {
  const path = kind === "folder" ? `${name}/` : name;
  const records = [
    ...(isPlain(path) ? [] : [paxRecord("path", path)]),
    ...(isPlain(target) ? [] : [paxRecord("linkpath", target)]),
    ...(size < SIZE_LIMIT ? [] : [paxRecord("size", String(size))]),
  ];
  const header = ustar({ path, type: TYPES[kind], mode, size: size % SIZE_LIMIT, target });
  if (records.length === 0) return header;
  const extension = utf8.encode(records.join(""));
  const before = ustar({ path: "PaxHeader", type: "x", mode: 0o644, size: extension.length, target: "" });
  const whole = new Uint8Array(BLOCK + padded(extension.length) + BLOCK);
  whole.set(before, 0);
  whole.set(extension, BLOCK);
  whole.set(header, whole.length - BLOCK);
  return whole;
};

/** Contents fill whole blocks. */
export const padded = (size: number): number => Math.ceil(size / BLOCK) * BLOCK;

/** What ends an archive. */
export const TAR_END = new Uint8Array(2 * BLOCK);

const isPlain = (text: string): boolean => text.length <= MOST_NAME_BYTES && /^[\x20-\x7e]*$/.test(text);

/** Its length counts itself. */
const paxRecord = (key: string, value: string): string => {
  const rest = ` ${key}=${value}\n`;
  const bytes = utf8.encode(rest).length;
  const digits = String(bytes + String(bytes).length).length;
  return `${bytes + digits}${rest}`;
};

interface Ustar {
  readonly path: string;
  readonly type: string;
  readonly mode: number;
  readonly size: number;
  readonly target: string;
}

const ustar = ({ path, type, mode, size, target }: Ustar): Uint8Array => {
  const header = new Uint8Array(BLOCK);
  const put = (text: string, at: number, length: number) =>
    header.set(utf8.encode(text).subarray(0, length), at);
  const octal = (value: number, at: number, length: number) =>
    put(`${value.toString(8).padStart(length - 1, "0")}\0`, at, length);
  put(path, 0, MOST_NAME_BYTES);
  octal(mode, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  octal(size, 124, 12);
  octal(MTIME_S, 136, 12);
  put(" ".repeat(8), 148, 8);
  put(type, 156, 1);
  put(target, 157, MOST_NAME_BYTES);
  put("ustar\x0000", 257, 8);
  octal(
    header.reduce((sum, byte) => sum + byte, 0),
    148,
    7,
  );
  return header;
};
