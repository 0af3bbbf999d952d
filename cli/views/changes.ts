import { differing } from "../../shared/config/difference.ts";
import { isMapping } from "../../shared/schema/scalar.ts";
import type { Output } from "../context.ts";
import { styled } from "../output/style.ts";
import { valueText } from "./traced.ts";

/** What becomes of each property that differs, under the list of their names: `max_duration: 1h → 2h`. */
export const renderChanges = (out: Output, before: object, after: object): string => {
  const lines = changesOf(before, after).flatMap((change) => linesOf(out, change));
  return lines.map((line) => `  ${line}\n`).join("");
};

interface Change {
  /** `resources.gpu` */
  readonly property: string;
  readonly before: unknown;
  readonly after: unknown;
}

/** Told as a whole, though they are mappings: their parts mean nothing alone. */
const WHOLE = /(^|\.)(cpu|gpu|memory|disk|nodes|retry|schedule|registry_auth|probes)$/;

const changesOf = (before: object, after: object, prefix = ""): Change[] =>
  differing(before, after)
    // What is named is what is found.
    .filter((key) => prefix !== "" || (key !== "name" && key !== "type"))
    .flatMap((key) => {
      const property = `${prefix}${key}`;
      const [old, now]: unknown[] = [Reflect.get(before, key), Reflect.get(after, key)];
      return isMapping(old) && isMapping(now) && !WHOLE.test(property)
        ? changesOf(old, now, `${property}.`)
        : [{ property, before: old, after: now }];
    });

const isTexts = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((each) => typeof each === "string");

const linesOf = (out: Output, { property, before, after }: Change): string[] => {
  const [old, now] = [before ?? [], after ?? []];
  if (isTexts(old) && isTexts(now)) return [`${property}:`, ...listLines(out, old, now)];
  const from = styled(out, textOf(property, before), "red");
  const to = styled(out, textOf(property, after), "green");
  return [`${property}: ${from} → ${to}`];
};

const textOf = (property: string, value: unknown): string =>
  value === null || value === undefined ? "unset" : valueText(property, value);

/** The longest common part stays, so that what moved is told as little as what is the same. */
const listLines = (out: Output, before: readonly string[], after: readonly string[]): string[] => {
  const common = commonOf(before, after);
  const lines: string[] = [];
  let [at, next] = [0, 0];
  for (const kept of [...common, undefined]) {
    for (; at < before.length && before[at] !== kept; at++)
      lines.push(...marked(before[at] ?? "", "-").map((line) => styled(out, line, "red")));
    for (; next < after.length && after[next] !== kept; next++)
      lines.push(...marked(after[next] ?? "", "+").map((line) => styled(out, line, "green")));
    if (kept === undefined) break;
    lines.push(...marked(kept, " ").map((line) => styled(out, line, "dim")));
    at++;
    next++;
  }
  return lines.map((line) => `  ${line}`);
};

const marked = (text: string, mark: string): string[] => text.split("\n").map((line) => `${mark} ${line}`);

const commonOf = (a: readonly string[], b: readonly string[]): string[] => {
  // Lengths of the longest common part of what follows, from the end.
  const lengths = Array.from({ length: a.length + 1 }, () => new Array<number>(b.length + 1).fill(0));
  const length = (i: number, j: number) => lengths[i]?.[j] ?? 0;
  for (let i = a.length - 1; i >= 0; i--) {
    const row = lengths[i] ?? [];
    for (let j = b.length - 1; j >= 0; j--)
      row[j] = a[i] === b[j] ? length(i + 1, j + 1) + 1 : Math.max(length(i + 1, j), length(i, j + 1));
  }
  const common: string[] = [];
  let [i, j] = [0, 0];
  while (i < a.length && j < b.length) {
    if (a[i] === b[j]) {
      common.push(a[i] ?? "");
      i++;
      j++;
    } else if (length(i + 1, j) >= length(i, j + 1)) i++;
    else j++;
  }
  return common;
};
