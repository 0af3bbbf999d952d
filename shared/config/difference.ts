/**
 * What a change takes: nothing but to be stored; replacing the replicas one after the other; or an end and a new
 * beginning, of the run or of the resource.
 */
export type Effect = "none" | "rolling" | "restart";

/** A field of a specification that differs, or a property of its configuration or profile. */
export interface Difference {
  field: string;
  property?: string;
  effect: Effect;
}

/** As on the wire, where what is undefined is not there, and what is null says nothing. */
const plain = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value ?? null), (_key, inner) => inner ?? undefined) ?? null;

export const isSame = (a: unknown, b: unknown): boolean => Bun.deepEquals(plain(a), plain(b));

/** Keys whose values differ, in the order of the newer one. */
export const differing = (before: object, after: object): string[] =>
  [...new Set([...Object.keys(after), ...Object.keys(before)])].filter(
    (key) => !isSame(Reflect.get(before, key), Reflect.get(after, key)),
  );

export const nested = (title: string, names: readonly string[]): string[] =>
  names.length === 0 ? [] : [title, ...names.map((name) => `  - ${name}`)];
