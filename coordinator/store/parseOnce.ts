/** Of each half: enough for what thousands of live jobs have. */
const MOST = 1_000;

let [young, old] = [new Map<string, unknown>(), new Map<string, unknown>()];

/**
 * `JSON.parse` for columns that are read much more often than they change: the same text gives the same value, which
 * nobody may change. What was not asked for lately is forgotten.
 */
export const parseOnce = (text: string): unknown => {
  const known = young.get(text);
  if (known !== undefined) return known;
  const value = old.get(text) ?? JSON.parse(text);
  if (young.size >= MOST) [young, old] = [new Map(), young];
  young.set(text, value);
  return value;
};
