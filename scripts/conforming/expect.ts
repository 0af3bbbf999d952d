import assert from "node:assert/strict";
import { isDeepStrictEqual } from "node:util";

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const shown = (value: unknown): string => JSON.stringify(value)?.slice(0, 500) ?? "nothing";

/**
 * Fails, naming the place, unless `actual` has all that `expected` has. Lists are compared whole, a pattern with a text,
 * and what is `undefined` in `expected` must be neither there nor null.
 */
export const assertHas = (actual: unknown, expected: unknown, at = "it"): void => {
  if (expected instanceof RegExp) {
    assert.ok(
      typeof actual === "string" && expected.test(actual),
      `${at} is ${shown(actual)}, not ${expected}`,
    );
  } else if (Array.isArray(expected)) {
    assert.ok(Array.isArray(actual), `${at} is ${shown(actual)}, and no list`);
    assert.equal(
      actual.length,
      expected.length,
      `${at} is ${shown(actual)}: not ${expected.length} elements`,
    );
    for (const [index, one] of expected.entries()) assertHas(actual[index], one, `${at}[${index}]`);
  } else if (isObject(expected)) {
    assert.ok(isObject(actual), `${at} is ${shown(actual)}, and no object`);
    for (const [key, value] of Object.entries(expected)) assertHas(actual[key], value, `${at}.${key}`);
  } else if (expected === undefined) {
    assert.ok(actual === undefined || actual === null, `${at} is ${shown(actual)}, and should be unset`);
  } else {
    assert.ok(isDeepStrictEqual(actual, expected), `${at} is ${shown(actual)}, not ${shown(expected)}`);
  }
};

/** Fails unless the text has each of these, in this order. */
export const assertInOrder = (text: string, parts: readonly (string | RegExp)[]): void => {
  let rest = text;
  for (const part of parts) {
    const at = typeof part === "string" ? rest.indexOf(part) : rest.search(part);
    assert.ok(at >= 0, `${part} is not there, or not in this place, in:\n${text}`);
    rest = rest.slice(at + (typeof part === "string" ? part.length : 1));
  }
};
