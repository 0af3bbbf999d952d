import { Composer, type CST, type Document, LineCounter, Parser } from "yaml";
import type { Path } from "../schema/refusal.ts";
import { construct, type Place, type Places, type Span, spanOf } from "./construct.ts";
import { YamlError } from "./error.ts";

const MAX_BYTES = 1024 * 1024;
const MAX_DEPTH = 100;

/** 1-based, as editors count. */
export interface Position {
  line: number;
  column: number;
  /** How many characters of the line are meant, where that is known. */
  width?: number;
}

export interface YamlDocument {
  value: unknown;
  /** Where a property's value stands, or its key; of one that is absent, the key of what should hold it. */
  locate: (path: Path, part?: "key" | "value") => Position;
}

/** Text that is not YAML, with the place. */
export class YamlSyntaxError extends Error {
  readonly position: Position;

  constructor(message: string, position: Position) {
    super(message);
    this.name = "YamlSyntaxError";
    this.position = position;
  }
}

/** Without recursion: the depth is what it is about. */
const checkDepth = (root: CST.Token) => {
  const pending: { token: CST.Token; depth: number }[] = [{ token: root, depth: 0 }];
  for (let next = pending.pop(); next; next = pending.pop()) {
    const { token, depth } = next;
    if (depth > MAX_DEPTH) throw new YamlError(`Nested more than ${MAX_DEPTH} levels deep`, token.offset);
    if (token.type === "document" && token.value) pending.push({ token: token.value, depth });
    if (!("items" in token)) continue;
    for (const item of token.items) {
      if (item.key) pending.push({ token: item.key, depth: depth + 1 });
      if (item.value) pending.push({ token: item.value, depth: depth + 1 });
    }
  }
};

const compose = (text: string, lines: LineCounter): Document.Parsed | undefined => {
  const composer = new Composer({
    version: "1.1",
    schema: "failsafe",
    uniqueKeys: false,
    merge: false,
    prettyErrors: false,
  });
  const documents: Document.Parsed[] = [];
  for (const token of new Parser(lines.addNewLine).parse(text)) {
    checkDepth(token);
    documents.push(...composer.next(token));
  }
  documents.push(...composer.end());
  const [document, second] = documents;
  const [error] = document?.errors ?? [];
  if (error) throw new YamlError(error.message, error.pos[0]);
  if (second) throw new YamlError("A file holds one document, here begins another", second.range[0]);
  return document;
};

/** YAML 1.1 in the dialect of docs/spec/configuration.md §0. Throws `YamlSyntaxError`. */
export const parseYaml = (text: string): YamlDocument => {
  const lines = new LineCounter();
  const positionOf = (offset: number): Position => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  try {
    if (Buffer.byteLength(text) > MAX_BYTES) throw new YamlError("The text is larger than 1 MiB", 0);
    const places: Places = new Map();
    const document = compose(text, lines);
    const value = construct(document?.contents, places);
    const whole = spanOf(document?.contents);
    const spanned = ([start, end]: Span): Position => {
      const lineEnd = text.indexOf("\n", start);
      const last = lineEnd < 0 ? end : Math.min(end, lineEnd);
      return { ...positionOf(start), width: Math.max(1, text.slice(start, last).trimEnd().length) };
    };
    const locate: YamlDocument["locate"] = (path, part = "value") => {
      let place: Place = { key: whole, value: whole };
      let holder = value;
      for (const key of path) {
        const inside = typeof holder === "object" && holder !== null ? places.get(holder) : undefined;
        const next = inside?.get(key);
        if (inside && !next) return spanned(place.key);
        if (!next) break;
        place = next;
        holder = (holder as Record<string | number, unknown>)[key];
      }
      return spanned(place[part]);
    };
    return { value, locate };
  } catch (err) {
    if (err instanceof YamlError) throw new YamlSyntaxError(err.message, positionOf(err.offset));
    throw err;
  }
};
