import { accepts, either, listOf } from "../schema/form.ts";
import { type ProblemKind, refuse, under } from "../schema/refusal.ts";
import { quote } from "../schema/scalar.ts";

const MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

interface FieldRule {
  name: string;
  min: number;
  max: number;
  words?: readonly string[];
}

/** Weekdays count from Monday = 0 (docs/spec/configuration.md §1.6). */
const FIELDS: readonly FieldRule[] = [
  { name: "minute", min: 0, max: 59 },
  { name: "hour", min: 0, max: 23 },
  { name: "day", min: 1, max: 31 },
  { name: "month", min: 1, max: 12, words: MONTHS },
  { name: "weekday", min: 0, max: 6, words: WEEKDAYS },
];

/** Which values each field allows; all times are UTC. */
export interface Cron {
  minutes: ReadonlySet<number>;
  hours: ReadonlySet<number>;
  days: ReadonlySet<number>;
  /** The last day of a month, whichever it is. */
  lastDay: boolean;
  months: ReadonlySet<number>;
  weekdays: ReadonlySet<number>;
}

const span = (from: number, to: number, step = 1): number[] => {
  const values: number[] = [];
  for (let value = from; value <= to; value += step) values.push(value);
  return values;
};

const parseItem = (item: string, rule: FieldRule): number[] => {
  const fail = (kind: ProblemKind, why: string): never =>
    refuse(kind, `${why} in the ${rule.name} field: ${quote(item)}`);
  const wordOf = (word: string): number => {
    const index = rule.words?.indexOf(word.toLowerCase()) ?? -1;
    return index < 0 ? fail("invalid_value", `Expected ${rule.words?.join(", ")}`) : index + rule.min;
  };
  // A step after names is ignored, as in the reference.
  const [, first, last] = (rule.words && /^([a-z]+)(?:-([a-z]+))?(?:\/\d+)?$/i.exec(item)) || [];
  const [, star, from, to, stepText] = /^(?:(\*)|(\d+)(?:-(\d+))?)(?:\/(\d+))?$/.exec(item) ?? [];
  if (first === undefined && star === undefined && from === undefined) {
    return fail("invalid_value", "Expected *, a number, a range or a step");
  }
  const start = first !== undefined ? wordOf(first) : from === undefined ? rule.min : Number(from);
  const single = stepText === undefined && star === undefined ? start : rule.max;
  const end = last !== undefined ? wordOf(last) : to === undefined ? single : Number(to);
  if (start < rule.min || end > rule.max || start > rule.max) {
    return fail("out_of_range", `Expected ${rule.min} to ${rule.max}`);
  }
  if (start > end) return fail("out_of_range", "A range that runs backwards");
  const step = stepText === undefined ? 1 : Number(stepText);
  if (step === 0 || (stepText !== undefined && step > end - start)) {
    return fail("out_of_range", "A step larger than its range, or zero,");
  }
  return span(start, end, step);
};

/** Five fields, separated by spaces. Throws `Refusal`. */
const parseCron = (expression: string): Cron => {
  const fields = expression.trim().split(/\s+/);
  if (fields.length !== FIELDS.length) {
    return refuse(
      "invalid_value",
      `Expected five fields (minute hour day month weekday), got ${fields.length} in ${quote(expression)}`,
    );
  }
  const items = fields.map((field) => field.split(","));
  const lastDay = items[2]?.some((item) => item.toLowerCase() === "last") ?? false;
  const sets = FIELDS.map((rule, index) => {
    const plain = (items[index] ?? []).filter((item) => index !== 2 || item.toLowerCase() !== "last");
    return new Set(plain.flatMap((item) => parseItem(item, rule)));
  });
  const [minutes, hours, days, months, weekdays] = sets as [
    Set<number>,
    Set<number>,
    Set<number>,
    Set<number>,
    Set<number>,
  ];
  return { minutes, hours, days, lastDay, months, weekdays };
};

const EXPRESSION = {
  title: "cron expression",
  type: "string",
  pattern: "^\\s*\\S+(\\s+\\S+){4}\\s*$",
  examples: ["0 2 * * mon-fri"],
};
/** Each is searched for its next time, over decades if need be. */
const MOST_EXPRESSIONS = 100;
const CRONS = either(
  "cron expression or list",
  EXPRESSION,
  listOf(EXPRESSION, { minItems: 1, maxItems: MOST_EXPRESSIONS }),
);

/** One expression or several; kept as written. */
export const parseCrons = accepts(CRONS, (input: unknown): string[] => {
  const list: unknown[] = Array.isArray(input) ? input : [input];
  if (list.length === 0) return refuse("missing", "Give at least one cron expression");
  if (list.length > MOST_EXPRESSIONS)
    return refuse(
      "out_of_range",
      `Expected at most ${MOST_EXPRESSIONS} cron expressions, got ${list.length}`,
    );
  return list.map((item, index) => {
    if (typeof item !== "string")
      return refuse("wrong_type", `Expected a cron expression, got ${quote(item)}`);
    return under(Array.isArray(input) ? [index] : [], () => {
      parseCron(item);
      return item;
    });
  });
});

const DAY_MS = 86_400_000;
/** Within these days every combination of day, month, weekday and leap year that exists has occurred. */
const HORIZON_DAYS = 40 * 366;

const matchesDay = (cron: Cron, date: Date): boolean => {
  if (!cron.months.has(date.getUTCMonth() + 1)) return false;
  if (!cron.weekdays.has((date.getUTCDay() + 6) % 7)) return false;
  if (cron.days.has(date.getUTCDate())) return true;
  return cron.lastDay && new Date(date.getTime() + DAY_MS).getUTCDate() === 1;
};

/** The first time after `after` (milliseconds) that one of the expressions fires, or undefined if none ever does. */
export const nextCronTime = (expressions: readonly string[], after: number): number | undefined => {
  const times = expressions.flatMap((expression) => nextOf(parseCron(expression), after) ?? []);
  return times.length > 0 ? Math.min(...times) : undefined;
};

const nextOf = (cron: Cron, after: number): number | undefined => {
  const earliest = Math.floor(after / 60_000) * 60_000 + 60_000;
  const firstDay = Math.floor(earliest / DAY_MS);
  const hours = [...cron.hours].sort((a, b) => a - b);
  const minutes = [...cron.minutes].sort((a, b) => a - b);
  for (let day = firstDay; day < firstDay + HORIZON_DAYS; day += 1) {
    if (!matchesDay(cron, new Date(day * DAY_MS))) continue;
    for (const hour of hours) {
      for (const minute of minutes) {
        const time = day * DAY_MS + hour * 3_600_000 + minute * 60_000;
        if (time >= earliest) return time;
      }
    }
  }
  return undefined;
};
