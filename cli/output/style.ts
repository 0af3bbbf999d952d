import type { Output } from "../context.ts";

const CODES = {
  bold: "1",
  dim: "2",
  red: "31",
  green: "32",
  yellow: "33",
  blue: "34",
  grey: "90",
} as const;
export type Style = keyof typeof CODES;

/** The text in these styles, or as it is where colours are not wanted. */
export const styled = (out: Output, text: string, ...styles: readonly Style[]): string => {
  if (!out.hasColour || text === "" || styles.length === 0) return text;
  return `\x1b[${styles.map((style) => CODES[style]).join(";")}m${text}\x1b[0m`;
};

/** `NO_COLOR` beats everything, `FORCE_COLOR` beats the terminal (docs/spec/cli.md §1). */
export const wantsColour = (
  env: Readonly<Record<string, string | undefined>>,
  isTerminal: boolean,
): boolean => {
  if (env["NO_COLOR"]) return false;
  if (env["FORCE_COLOR"]) return env["FORCE_COLOR"] !== "0";
  return isTerminal && env["TERM"] !== "dumb";
};
