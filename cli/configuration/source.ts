import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import { AppError, messageOf } from "../../shared/errors.ts";
import type { Context } from "../context.ts";

const DEFAULTS = [".dstack.yml", ".dstack.yaml"];
const STDIN = "-";

/** Far more than people write, and far less than memory. */
const MAX_BYTES = 4 * 1024 * 1024;

/** A configuration as it was found. */
export interface Source {
  readonly text: string;
  /** As recorded with the run: relative to the current folder, `-` for standard input. */
  readonly path: string;
  /** How messages call it. */
  readonly shownAs: string;
  /** Local paths in it are relative to this folder. */
  readonly dir: string;
}

interface Wish {
  /** `-f`; undefined for the default names. */
  readonly file: string | undefined;
  /** Without it, standard input is needed for the answer. */
  readonly yes: boolean;
}

/** Finds and reads the file of `apply` (docs/spec/cli.md §4, step 2). */
export const readSource = async (ctx: Context, { file, yes }: Wish): Promise<Source> => {
  if (file === STDIN) {
    if (!yes) {
      throw new AppError("invalid", "Cannot read configuration from stdin if -y/--yes is not specified");
    }
    return { text: await ctx.input.readAll(), path: STDIN, shownAs: "standard input", dir: ctx.cwd };
  }
  const path = resolve(ctx.cwd, file ?? findDefault(ctx.cwd));
  if (file !== undefined && !existsSync(path)) {
    throw new AppError("not_found", `Configuration file ${file} does not exist`);
  }
  // With the separators that the server and the hosts have, whatever those here are.
  const recorded = relative(ctx.cwd, path).split(sep).join("/");
  return { text: readText(path), path: recorded, shownAs: recorded, dir: dirname(path) };
};

const findDefault = (cwd: string): string => {
  const found = DEFAULTS.find((name) => existsSync(join(cwd, name)));
  if (found !== undefined) return found;
  throw new AppError(
    "not_found",
    "No configuration file specified via `-f` and no default .dstack.yml configuration found",
  );
};

const readText = (path: string): string => {
  try {
    const { size } = statSync(path);
    if (size > MAX_BYTES) throw new AppError("too_large", `${path} has ${size} bytes: not a configuration`);
    return readFileSync(path, "utf8");
  } catch (err) {
    if (err instanceof AppError) throw err;
    throw new AppError("invalid", `Cannot read ${path}: ${messageOf(err)}`, { cause: err });
  }
};
