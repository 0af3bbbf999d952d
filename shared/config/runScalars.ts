import { accepts, TEXT } from "../schema/form.ts";
import { refuse } from "../schema/refusal.ts";
import { IntegralFloat, integerOf, nounOf, parseText, quote } from "../schema/scalar.ts";

const isNegative = (part: string) => (integerOf(part) ?? 0) < 0;

/** `user[:group]`, each a name or an id. */
export const parseUser = accepts(
  { ...TEXT, title: "user", pattern: "^[^:]+(:[^:]+)?$", examples: ["app", "1000:1000"] },
  (input: unknown): string => {
    const user = parseText(input);
    const parts = user.split(":");
    if (parts.length > 2 || parts.includes("")) {
      return refuse("invalid_value", `Expected user or user:group, got ${quote(user)}`);
    }
    if (parts.some(isNegative))
      return refuse("out_of_range", `Ids of users and groups are not negative: ${quote(user)}`);
    return user;
  },
);

const PYTHON_VERSIONS = ["3.9", "3.10", "3.11", "3.12", "3.13", "3.14", "3.15"] as const;
export type PythonVersion = (typeof PYTHON_VERSIONS)[number];

/** An unquoted 3.10 is the number 3.1. */
const PYTHON = { title: "version", enum: [...PYTHON_VERSIONS, ...PYTHON_VERSIONS.map(Number)] };

export const parsePython = accepts(PYTHON, (input: unknown): PythonVersion => {
  const text = input === 3.1 ? "3.10" : input;
  const isFloat = typeof text === "number" && !Number.isInteger(text);
  const version = PYTHON_VERSIONS.find((known) => known === (isFloat ? parseText(text) : text));
  if (version) return version;
  const noun = input instanceof IntegralFloat ? quote(input) : nounOf(input);
  return refuse("invalid_value", `Expected one of ${PYTHON_VERSIONS.join(", ")}, got ${noun}`);
});

export const parseShell = accepts(
  { title: "text", type: "string", pattern: "^(sh|bash|/.*)$", examples: ["sh", "bash", "/bin/zsh"] },
  (input: unknown): string => {
    const shell = parseText(input);
    if (shell === "sh" || shell === "bash" || shell.startsWith("/")) return shell;
    return refuse("invalid_value", `Expected sh, bash or an absolute path, got ${quote(shell)}`);
  },
);
