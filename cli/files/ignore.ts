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
  const patterns = text.split(/\r?\n/).flatMap((line) => parsePattern(line) ?? []);
  return {
    decide: (path, isFolder) => {
      const last = patterns.findLast(
        ({ matcher, foldersOnly }) => (isFolder || !foldersOnly) && matcher.test(path),
      );
      return last && (last.isNegated ? "keep" : "ignore");
    },
  };
};

const parsePattern = (line: string): Pattern | undefined => {
  // Spaces at the end count only if they are quoted.
  let text = line.replace(/(?<!\\)\s+$/, "");
  if (text === "" || text.startsWith("#")) return undefined;
  const isNegated = text.startsWith("!");
  if (isNegated) text = text.slice(1);
  const foldersOnly = text.endsWith("/");
  if (foldersOnly) text = text.slice(0, -1);
  // A slash in the middle ties the pattern to its folder; a name alone fits at any depth.
  const isTied = text.includes("/");
  if (text.startsWith("/")) text = text.slice(1);
  if (text === "") return undefined;
  const matcher = new RegExp(`^${isTied ? "" : "(?:.*/)?"}${globSource(text)}$`, "su");
  return { matcher, isNegated, foldersOnly };
};

/** `**` as a whole part of a path stands for any number of folders, everything else stays within one part. */
const globSource = (glob: string): string => {
  let source = "";
  let at = 0;
  while (at < glob.length) {
    const rest = glob.slice(at);
    const atStart = at === 0 || glob[at - 1] === "/";
    if (atStart && rest.startsWith("**/")) {
      source += "(?:.*/)?";
      at += 3;
    } else if (atStart && rest === "**") {
      source += ".+";
      at += 2;
    } else {
      const [piece, length] = globPiece(rest);
      source += piece;
      at += length;
    }
  }
  return source;
};

const globPiece = (rest: string): [source: string, length: number] => {
  const char = String.fromCodePoint(rest.codePointAt(0) ?? 0);
  if (char === "*") return ["[^/]*", /^\*+/.exec(rest)?.[0].length ?? 1];
  if (char === "?") return ["[^/]", 1];
  if (char === "[") {
    const [whole, negation, members] = /^\[([!^]?)(\]?(?:\\.|[^\]\\])*)\]/su.exec(rest) ?? [];
    if (whole !== undefined && members) {
      const escaped = members.replaceAll("[", "\\[").replace(/^\]/, "\\]");
      return [`(?!/)[${negation ? "^" : ""}${escaped.replaceAll("&&", "&\\&")}]`, whole.length];
    }
  }
  if (char === "\\" && rest.length > 1) {
    const next = String.fromCodePoint(rest.codePointAt(1) ?? 0);
    return [RegExp.escape(next), 1 + next.length];
  }
  return [RegExp.escape(char), char.length];
};
