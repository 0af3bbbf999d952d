import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  type Pair,
  type Scalar as ScalarNode,
  type YAMLMap,
  type YAMLSeq,
} from "yaml";
import { isMapping, parseText, quote } from "../schema/scalar.ts";
import { YamlError } from "./error.ts";
import { booleanOf, floatOf, integerOf, isNull, plainScalar, type Scalar } from "./scalars.ts";

/** Offsets in the text: of the first character, and after the last. */
export type Span = readonly [start: number, end: number];

/** Where a part of a mapping or list stands. */
export interface Place {
  key: Span;
  value: Span;
}

/** By mapping or list, then by key or index. */
export type Places = Map<object, Map<string | number, Place>>;

interface Built {
  value: unknown;
  /** Scalars and collections in it, with aliases counted as often as they are used. */
  size: number;
}

/** Many more than any real file has; a few lines of aliases to aliases would have billions. */
const MAX_SIZE = 100_000;

const TAG = "tag:yaml.org,2002:";

export const spanOf = (node: unknown): Span => {
  const range = (node as { range?: [number, number, number] | null } | null)?.range;
  return [range?.[0] ?? 0, range?.[1] ?? 0];
};

const offsetOf = (node: unknown): number => spanOf(node)[0];

const tagged = (text: string, tag: string): Scalar | undefined => {
  switch (tag) {
    case "!":
    case `${TAG}str`:
      return text;
    case `${TAG}int`:
      return integerOf(text);
    case `${TAG}float`: {
      const integer = integerOf(text);
      return integer === undefined ? floatOf(text) : floatOf(`${integer}.0`);
    }
    case `${TAG}bool`:
      return booleanOf(text);
    case `${TAG}null`:
      return isNull(text) ? null : undefined;
    default:
      return undefined;
  }
};

const readScalar = (node: ScalarNode): Scalar => {
  const text = typeof node.value === "string" ? node.value : String(node.value ?? "");
  const isPlain = node.type === "PLAIN" || node.type === undefined;
  const value = node.tag ? tagged(text, node.tag) : isPlain ? plainScalar(text) : text;
  if (value !== undefined) return value;
  throw new YamlError(
    node.tag
      ? `The tag ${quote(node.tag)} is not supported here`
      : `${quote(text)} means nothing here: quote it`,
    offsetOf(node),
  );
};

/** As the reference's language names them. */
const keyText = (key: Scalar): string => {
  if (key === null) return "None";
  if (typeof key === "boolean") return key ? "True" : "False";
  return key instanceof Date ? key.toISOString().slice(0, 10) : parseText(key);
};

const checkTag = (node: YAMLMap | YAMLSeq, tag: "map" | "seq") => {
  if (node.tag && node.tag !== `${TAG}${tag}`) {
    throw new YamlError(`The tag ${quote(node.tag)} is not supported here`, offsetOf(node));
  }
};

/**
 * Plain values from the nodes of a document. What an alias stands for is built once and shared, and counted every time.
 * Throws `YamlError`.
 */
export const construct = (root: unknown, places: Places): unknown => {
  /** Undefined while it is being built. */
  const anchors = new Map<string, Built | undefined>();

  const build = (node: unknown): Built => {
    if (isAlias(node)) {
      const built = anchors.get(node.source);
      if (built) return built;
      const why = anchors.has(node.source) ? "stands inside what it refers to" : "refers to nothing above";
      throw new YamlError(`The alias *${node.source} ${why}`, offsetOf(node));
    }
    const anchor = (node as { anchor?: string } | null)?.anchor;
    if (anchor !== undefined) anchors.set(anchor, undefined);
    const built = isMap(node)
      ? buildMapping(node)
      : isSeq(node)
        ? buildList(node)
        : { value: isScalar(node) ? readScalar(node) : null, size: 1 };
    if (built.size > MAX_SIZE) {
      throw new YamlError(
        `More than ${MAX_SIZE} values, with aliases counted as often as used`,
        offsetOf(node),
      );
    }
    if (anchor !== undefined) anchors.set(anchor, built);
    return built;
  };

  const buildList = (node: YAMLSeq): Built => {
    checkTag(node, "seq");
    const items = node.items.map(build);
    const value = items.map((item) => item.value);
    places.set(
      value,
      new Map(node.items.map((item, index) => [index, { key: spanOf(item), value: spanOf(item) }])),
    );
    return { value, size: items.reduce((sum, item) => sum + item.size, 1) };
  };

  const buildMapping = (node: YAMLMap): Built => {
    checkTag(node, "map");
    const merged = new Map<string, unknown>();
    const own = new Map<string, unknown>();
    const where = new Map<string | number, Place>();
    let size = 1;
    for (const pair of node.items as Pair[]) {
      const built = build(pair.value);
      size += built.size + 1;
      if (isScalar(pair.key) && pair.key.type === "PLAIN" && pair.key.value === "<<" && !pair.key.tag) {
        for (const [key, value] of mergedEntries(built.value, offsetOf(pair.key))) {
          merged.set(key, value);
          where.set(key, { key: spanOf(pair.key), value: spanOf(pair.key) });
        }
        continue;
      }
      const key = build(pair.key).value;
      if (
        typeof key === "object" &&
        key !== null &&
        !(key instanceof Date) &&
        (Array.isArray(key) || isMapping(key))
      ) {
        throw new YamlError("A list or mapping cannot be a key", offsetOf(pair.key));
      }
      const name = keyText(key as Scalar);
      own.set(name, built.value);
      const start = spanOf(pair.key);
      const isEmpty = pair.value === null || built.value === null;
      where.set(name, { key: start, value: isEmpty ? start : spanOf(pair.value) });
    }
    // Not by assignment: a key may be called __proto__.
    const value = Object.fromEntries([...merged, ...own]);
    places.set(value, where);
    return { value, size };
  };

  return build(root).value;
};

/** What `<<` brings: of several mappings the first has the last word. */
const mergedEntries = (value: unknown, offset: number): [string, unknown][] => {
  const sources: unknown[] = Array.isArray(value) ? value : [value];
  return sources.toReversed().flatMap((source) => {
    if (isMapping(source)) return Object.entries(source);
    throw new YamlError("<< takes a mapping or a list of mappings", offset);
  });
};
