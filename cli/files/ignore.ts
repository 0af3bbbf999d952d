/** Patterns of one ignore file, as git reads them (gitignore(5)). */
export interface IgnoreRules {
  /** Whether the file says something about a path relative to its folder; undefined: it does not. */
  decide(path: string, isFolder: boolean): "ignore" | "keep" | undefined;
}

interface Pattern {
  readonly matcher: RegExp;
  readonly isNegated: boolean;
  readonly foldersOnly: boolean;
}

export const parseIgnoreFile = (text: string): IgnoreRules => {
  const lines = text.replace(/^\uFEFF/, "").split(/\r?\n/);
  const patterns = lines.flatMap((line) => parsePattern(line) ?? []);
  return {
    decide: (path, isFolder) => {
      const bytes = asBytes(path);
      const last = patterns.findLast(
        ({ matcher, foldersOnly }) => (isFolder || !foldersOnly) && matcher.test(bytes),
      );
      return last && (last.isNegated ? "keep" : "ignore");
    },
  };
};

/** A character for each byte of UTF-8: that is what git compares, so that `?` is one of them. */
const asBytes = (text: string): string => Buffer.from(text).toString("latin1");

const parsePattern = (line: string): Pattern | undefined => {
  if (line.startsWith("#")) return undefined;
  let text = withoutSpaces(asBytes(line));
  const isNegated = text.startsWith("!");
  if (isNegated) text = text.slice(1);
  const foldersOnly = text.endsWith("/");
  if (foldersOnly) text = text.slice(0, -1);
  // A slash in the middle ties the pattern to its folder; a name alone fits at any depth.
  const isTied = text.includes("/");
  if (text.startsWith("/")) text = text.slice(1);
  const source = text === "" ? undefined : globSource(text);
  if (source === undefined) return undefined;
  return { matcher: new RegExp(`^${isTied ? "" : "(?:.*/)?"}${source}$`, "s"), isNegated, foldersOnly };
};

/** Spaces at the end count only if they are quoted. */
const withoutSpaces = (line: string): string => {
  const [quotedOrNot = ""] = /^(?:\\.|[^\\])*/s.exec(line) ?? [];
  if (quotedOrNot.length < line.length) return line;
  const [, kept = ""] = /^((?:\\.|[^\\ ]| +(?! *$))*)/s.exec(line) ?? [];
  return kept;
};

/** Undefined: nothing ever fits. */
const globSource = (glob: string): string | undefined => {
  let source = "";
  for (let at = 0; at < glob.length; ) {
    const piece = globPiece(glob, at);
    if (!piece) return undefined;
    source += piece.source;
    at += piece.length;
  }
  return source;
};

interface Piece {
  readonly source: string;
  readonly length: number;
}

/** `**` as a whole part of a path stands for any number of folders, everything else stays within one part. */
const globPiece = (glob: string, at: number): Piece | undefined => {
  const rest = glob.slice(at);
  const stars = /^\*+/.exec(rest)?.[0].length ?? 0;
  if (stars > 0) {
    const isWholePart =
      stars > 1 && (at === 0 || glob[at - 1] === "/") && /^(?:\/|$)/.test(rest.slice(stars));
    if (!isWholePart) return { source: "[^/]*", length: stars };
    return stars === rest.length
      ? { source: ".*", length: stars }
      : { source: "(?:.*/)?", length: stars + 1 };
  }
  if (rest.startsWith("?")) return { source: "[^/]", length: 1 };
  if (rest.startsWith("[")) return classPiece(rest);
  const char = rest.startsWith("\\") ? rest[1] : rest[0];
  return char === undefined ? undefined : { source: literal(char), length: rest.startsWith("\\") ? 2 : 1 };
};

const literal = (char: string): string => `\\x${char.charCodeAt(0).toString(16).padStart(2, "0")}`;

/** Named classes, as the C language's locale has them. */
const NAMED: Readonly<Record<string, string>> = {
  alnum: "0-9A-Za-z",
  alpha: "A-Za-z",
  blank: " \\t",
  cntrl: "\\x00-\\x1f\\x7f",
  digit: "0-9",
  graph: "\\x21-\\x7e",
  lower: "a-z",
  print: "\\x20-\\x7e",
  punct: "\\x21-\\x2f\\x3a-\\x40\\x5b-\\x60\\x7b-\\x7e",
  space: " \\t-\\r",
  upper: "A-Z",
  xdigit: "0-9A-Fa-f",
};

/** A bracket expression; undefined where it has no end or a class that there is not. */
const classPiece = (rest: string): Piece | undefined => {
  const isNegated = /^\[[!^]/.test(rest);
  const begin = isNegated ? 2 : 1;
  let members = "";
  // A bracket at the very beginning is one of the characters.
  for (let at = begin; at === begin || rest[at] !== "]"; ) {
    const member = classMember(rest.slice(at));
    if (!member) return undefined;
    members += member.source;
    at += member.length;
    if (rest[at] === "]") return { source: `(?!/)[${isNegated ? "^" : ""}${members}]`, length: at + 1 };
  }
  return undefined;
};

const classMember = (rest: string): Piece | undefined => {
  const [whole, name] = /^\[:([^\]]*):\]/.exec(rest) ?? [];
  if (whole !== undefined) {
    const source = NAMED[name ?? ""];
    return source === undefined ? undefined : { source, length: whole.length };
  }
  const [, first, last] = /^(\\.|[^\\])(?:-(\\.|[^\\\]]))?/s.exec(rest) ?? [];
  if (first === undefined) return undefined;
  const [low = "", high] = [first.at(-1), last?.at(-1)];
  if (last === undefined || high === undefined) return { source: literal(low), length: first.length };
  const length = first.length + 1 + last.length;
  // The wrong way round, it has only its beginning.
  return { source: low <= high ? `${literal(low)}-${literal(high)}` : literal(low), length };
};
