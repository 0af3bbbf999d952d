import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Coordinator } from "../../e2e/harness/coordinator.ts";
import { cleanEnvironment } from "../../e2e/harness/programs.ts";

/** Somebody with a command line of dstack's and a home of their own. */
export interface Person {
  who: string;
  isOurs: boolean;
  program: string;
  env: Record<string, string>;
  cwd: string;
}

export interface PersonOptions {
  who: string;
  isOurs: boolean;
  program: string;
  dir: string;
  coordinator: Coordinator;
}

export const newPerson = async (options: PersonOptions): Promise<Person> => {
  const { who, isOurs, program, dir, coordinator } = options;
  mkdirSync(dir, { recursive: true });
  const { url, token } = coordinator;
  const config = { projects: [{ name: "main", url, token, default: true }] };
  await Bun.write(join(dir, ".dstack/config.yml"), JSON.stringify(config));
  // The stock client asks once a day for a newer release, and this is how it knows that it has.
  await Bun.write(join(dir, ".cache/.dstack/cli/last_check"), "");
  const clean = cleanEnvironment(dir);
  const env = { ...clean, PATH: `${dirname(program)}:${clean["PATH"]}`, COLUMNS: "120" };
  return { who, isOurs, program, env, cwd: dir };
};
