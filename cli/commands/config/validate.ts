import { ConfigurationError, type Problem, printPath } from "../../../shared/config/problems.ts";
import { validate } from "../../../shared/config/validate.ts";
import { AppError } from "../../../shared/errors.ts";
import { defineCommand } from "../../args/command.ts";
import { flag, rest } from "../../args/option.ts";
import { readSource, type Source } from "../../configuration/source.ts";
import type { Context } from "../../context.ts";
import { painter } from "../../output/errors.ts";
import { printJson } from "../../output/json.ts";
import { styled } from "../../output/style.ts";

export const command = defineCommand({
  description: `Check configurations and profiles.yml without a server: every mistake, with its line. Exits with 1 if
there are any. - stands for standard input.`,
  options: { json: flag("--json", "For programs: a list of files, each with its problems") },
  args: { files: { ...rest("FILE", "What to check (.dstack.yml)"), complete: "file" as const } },
  run: async (ctx, { json, files }) => {
    const checked: Checked[] = [];
    for (const file of files.length > 0 ? files : [undefined]) checked.push(await check(ctx, file));
    if (json) printJson(ctx.out, { files: checked.map(asJson) });
    else for (const each of checked) print(ctx, each);
    return checked.every(({ error }) => !error) ? 0 : 1;
  },
});

interface Checked {
  readonly file: string;
  /** `task`, …, or `profiles`; undefined where something is wrong. */
  readonly type?: string;
  readonly error?: AppError;
}

const check = async (ctx: Context, file: string | undefined): Promise<Checked> => {
  let source: Source | undefined;
  try {
    source = await readSource(ctx, { file, yes: true });
    return { file: source.shownAs, type: validate(source.text, { path: source.shownAs }) };
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return { file: source?.shownAs ?? file ?? ".dstack.yml", error };
  }
};

const print = (ctx: Context, { file, type, error }: Checked): void => {
  if (!error) ctx.out.write(`${file}: ${styled(ctx.out, "valid", "green")} (${type})\n`);
  else if (error instanceof ConfigurationError) ctx.out.write(`${error.format(painter(ctx.out))}\n`);
  else ctx.out.write(`${error.message}\n`);
};

const asJson = ({ file, type, error }: Checked) => ({
  file,
  valid: !error,
  type: type ?? null,
  problems:
    error instanceof ConfigurationError ? error.problems.map(problemJson) : error ? [noFile(error)] : [],
});

/** Lines and columns from 1; `length` in characters of that line. */
const problemJson = ({ kind, path, message, position }: Problem) => ({
  kind,
  message,
  property: printPath(path),
  path,
  line: position?.line ?? null,
  column: position?.column ?? null,
  length: position?.width ?? null,
});

const noFile = ({ message }: AppError) =>
  problemJson({ kind: "not_found", path: [], message, value: undefined, position: undefined });
