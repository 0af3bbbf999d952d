import { dirname, join } from "node:path";
import { z } from "zod";
import { runOk } from "../e2e/harness/program.ts";
import type { Case } from "./case.ts";
import { INTERFACES } from "./interfaces.ts";

/** By command, what can stand behind it; `apply task` and alike are what `apply` takes for a file of that type. */
export type Flags = Readonly<Record<string, readonly string[]>>;

/** Asks the parsers of the stock client at `path` themselves, so that no flag can be forgotten here. */
export const listFlags = async (path: string): Promise<Flags> => {
  const script = join(import.meta.dir, "list_flags.py");
  const listed = await runOk([join(dirname(path), "python"), script]);
  return { ...z.record(z.string(), z.array(z.string())).parse(JSON.parse(listed)), ...INTERFACES };
};

/** What cases say they try and no client has: a flag that is spelt wrongly there. */
export const unknownFlags = (cases: readonly Case[], known: readonly Flags[]): string[] =>
  cases.flatMap(({ name, covers }) =>
    Object.entries(covers).flatMap(([command, flags]) =>
      flags
        .filter((flag) => !known.some((commands) => commands[command]?.includes(flag)) && command !== "*")
        .map((flag) => `${name}: ${command} ${flag}`),
    ),
  );
