/** What is wrong with a value, in the words of docs/spec/configuration.md's golden data. */
export type ProblemKind =
  | "unknown_property"
  | "wrong_type"
  | "invalid_value"
  | "out_of_range"
  | "missing"
  | "conflict"
  | "unsupported"
  | "not_found"
  | "bad_reference"
  | "unreadable_key"
  | "yaml_syntax";

export type Path = readonly (string | number)[];

/** One mistake. `path` is relative to the value that was parsed. */
export interface Finding {
  kind: ProblemKind;
  message: string;
  path: Path;
}

/** Thrown by the parsers of single values, with every mistake found in the value. */
export class Refusal extends Error {
  readonly findings: readonly Finding[];

  constructor(findings: readonly Finding[]) {
    super(findings.map((finding) => finding.message).join("; "));
    this.name = "Refusal";
    this.findings = findings;
  }
}

export const refuse = (kind: ProblemKind, message: string, path: Path = []): never => {
  throw new Refusal([{ kind, message, path }]);
};

/** Runs `parse`, placing what it refuses under `path`. */
export const under = <T>(path: Path, parse: () => T): T => {
  try {
    return parse();
  } catch (err) {
    if (!(err instanceof Refusal)) throw err;
    throw new Refusal(err.findings.map((finding) => ({ ...finding, path: [...path, ...finding.path] })));
  }
};
