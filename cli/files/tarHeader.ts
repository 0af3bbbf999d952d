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
  const path = pathOf({ name, kind });
  const header = ustar({ path, type: TYPES[kind], mode, size: size % SIZE_LIMIT, target });
  const extension = extensionOf({ path, size, target });
  if (extension.length === 0) return header;
  const before = ustar({ path: "PaxHeader", type: "x", mode: 0o644, size: extension.length, target: "" });
  const whole = new Uint8Array(BLOCK + padded(extension.length) + BLOCK);
  whole.set(before, 0);
  whole.set(extension, BLOCK);
  whole.set(header, whole.length - BLOCK);
  return whole;
};

/** The length of that, without making it. */
export const tarHeaderLength = ({ name, kind, size, target = "" }: Omit<TarEntry, "mode">): number => {
  const extension = extensionOf({ path: pathOf({ name, kind }), size, target });
  return extension.length === 0 ? BLOCK : BLOCK + padded(extension.length) + BLOCK;
};

/** Contents fill whole blocks. */
export const padded = (size: number): number => Math.ceil(size / BLOCK) * BLOCK;

/** What ends an archive. */
export const TAR_END = new Uint8Array(2 * BLOCK);

const pathOf = ({ name, kind }: Pick<TarEntry, "name" | "kind">): string =>
  kind === "folder" ? `${name}/` : name;

const PLAIN = /^[\x20-\x7e]*$/;

const isPlain = (text: string): boolean => text.length <= MOST_NAME_BYTES && PLAIN.test(text);

const NOTHING = new Uint8Array();

/** What the plain header has no room for. */
const extensionOf = ({ path, size, target }: Pick<Ustar, "path" | "size" | "target">): Uint8Array => {
  if (isPlain(path) && isPlain(target) && size < SIZE_LIMIT) return NOTHING;
  const records = [
    isPlain(path) ? "" : paxRecord("path", path),
    isPlain(target) ? "" : paxRecord("linkpath", target),
    size < SIZE_LIMIT ? "" : paxRecord("size", String(size)),
  ];
  return utf8.encode(records.join(""));
};

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

const put = (header: Uint8Array, text: string, at: number): void => {
  utf8.encodeInto(text, header.subarray(at, at + MOST_NAME_BYTES));
};

const octal = (value: number, digits: number): string => `${value.toString(8).padStart(digits, "0")}\0`;

/** What all headers have alike; the sum is made as if spaces stood in its place. */
const TEMPLATE = new Uint8Array(BLOCK);
put(TEMPLATE, octal(0, 7), 108);
put(TEMPLATE, octal(0, 7), 116);
put(TEMPLATE, octal(MTIME_S, 11), 136);
put(TEMPLATE, " ".repeat(8), 148);
put(TEMPLATE, "ustar\x0000", 257);

const ustar = ({ path, type, mode, size, target }: Ustar): Uint8Array => {
  const header = TEMPLATE.slice();
  put(header, path, 0);
  put(header, octal(mode, 7), 100);
  put(header, octal(size, 11), 124);
  put(header, type, 156);
  put(header, target, 157);
  let sum = 0;
  for (const byte of header) sum += byte;
  put(header, octal(sum, 6), 148);
  return header;
};
