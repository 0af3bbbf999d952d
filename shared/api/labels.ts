import { z } from "zod";

/** What people tell hosts apart by; keys and values as in Kubernetes, so that they can be written without quotes. */
const LABEL_KEY = /^[A-Za-z0-9](?:[A-Za-z0-9._/-]{0,61}[A-Za-z0-9])?$/;
const LABEL_VALUE = /^(?:[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?$/;

/** What a host is by itself can be selected by like a label, and is no label. */
const ATTRIBUTES = ["arch", "runtime"] as const;

const MOST_LABELS = 32;

const LabelKey = z
  .string()
  .regex(LABEL_KEY)
  .refine((key) => !(ATTRIBUTES as readonly string[]).includes(key), "is what every host has by itself");
const LabelValue = z.string().regex(LABEL_VALUE);

export const Labels = z
  .record(LabelKey, LabelValue)
  .refine((labels) => Object.keys(labels).length <= MOST_LABELS, `At most ${MOST_LABELS} labels`);
export type Labels = z.infer<typeof Labels>;

/** Labels to set, and (null) to take away. */
export const LabelChange = z
  .record(LabelKey, LabelValue.nullable())
  .refine((change) => Object.keys(change).length <= 2 * MOST_LABELS, `At most ${2 * MOST_LABELS} at once`);
export type LabelChange = z.infer<typeof LabelChange>;

/** What a change leaves; null: nothing. Undefined: they would be too many. */
export const changeLabels = (labels: Labels | null, change: LabelChange): Labels | null | undefined => {
  const after = Object.entries({ ...labels, ...change }).filter(
    (pair): pair is [string, string] => pair[1] !== null,
  );
  if (after.length === 0) return null;
  return after.length > MOST_LABELS ? undefined : Object.fromEntries(after);
};

/** `rack=a1`; undefined: it is none. */
export const parseLabel = (text: string): [string, string] | undefined => {
  const at = text.indexOf("=");
  const [key, value] = [text.slice(0, at), text.slice(at + 1)];
  return at > 0 && LABEL_KEY.test(key) && LABEL_VALUE.test(value) ? [key, value] : undefined;
};

/** `rack=a1`, or `rack-`, which takes it away; undefined: it is neither. */
export const parseLabelChange = (text: string): [string, string | null] | undefined => {
  if (!text.endsWith("-") || text.includes("=")) return parseLabel(text);
  const key = text.slice(0, -1);
  return LABEL_KEY.test(key) ? [key, null] : undefined;
};

/**
 * `rack=a1,gpu=new`: what an instance's name cannot be, in the place of one, so that clients pass it on that know
 * nothing of labels. All of them have to fit. Undefined: it is a name.
 */
export const parseLabelSelector = (text: string): [string, string][] | undefined => {
  if (!text.includes("=")) return undefined;
  const pairs = text.split(",").map((part) => parseLabel(part.trim()));
  // One that cannot be read selects nothing: there is no such key.
  return pairs.map((pair) => pair ?? ["", text]);
};

export const labelsText = (labels: Labels | LabelChange): string =>
  Object.entries(labels)
    .map(([key, value]) => (value === null ? `${key}-` : `${key}=${value}`))
    .sort()
    .join(",");
