import type { Output } from "../context.ts";

/** As every `get` prints it (docs/spec/cli.md §8). */
export const printJson = (out: Output, value: unknown): void =>
  out.write(`${JSON.stringify(value, undefined, 2)}\n`);

/** One line, as lists print it. */
export const printJsonLine = (out: Output, value: unknown): void => out.write(`${JSON.stringify(value)}\n`);
