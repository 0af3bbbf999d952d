import { chmodSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { AppError, messageOf } from "../../shared/errors.ts";

/** One entry of `~/.dstack/config.yml`, the file that we share with the stock client (docs/spec/cli.md §2). */
export interface ProjectEntry {
  readonly name: string;
  readonly url: string;
  readonly token: string;
  readonly isDefault: boolean;
}

export const configPath = (home: string): string => join(home, ".dstack", "config.yml");

/** The projects in the file; none if there is no file. A file that cannot be understood is refused, never rewritten. */
export const readProjects = async (home: string): Promise<readonly ProjectEntry[]> => {
  const path = configPath(home);
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw new AppError("invalid", `Cannot read ${path}: ${messageOf(err)}`, { cause: err });
  }
  const entries = entriesOf(await parseYaml(text, path), path);
  const names = entries.map((entry) => entry.name);
  const twice = names.find((name, at) => names.indexOf(name) !== at);
  if (twice !== undefined) throw corrupt(path, `project "${twice}" stands in it twice`);
  return entries;
};

/** Bun's own parser is there at once, which every start of a command gains by; the other one names the place. */
const parseYaml = async (text: string, path: string): Promise<unknown> => {
  try {
    const parsed = Bun.YAML.parse(text);
    return hasOnlyText(parsed) ? parsed : await parseAsText(text);
  } catch (err) {
    if (!(err instanceof SyntaxError)) throw err;
    const { parseDocument } = await import("yaml");
    const [problem] = parseDocument(text).errors;
    throw corrupt(path, problem?.message.split("\n")[0]?.replace(/:$/, "") ?? err.message);
  }
};

/** A token of digits only, written without quotes, must not become a number. */
const hasOnlyText = (parsed: unknown): boolean =>
  !(isMapping(parsed) && Array.isArray(parsed["projects"])) ||
  parsed["projects"].every(
    (entry) => !isMapping(entry) || !Object.values(entry).some((each) => typeof each === "number"),
  );

const parseAsText = async (text: string): Promise<unknown> => {
  const { parse } = await import("yaml");
  const parsed: unknown = parse(text, { schema: "failsafe" });
  const projects = isMapping(parsed) ? parsed["projects"] : undefined;
  if (!Array.isArray(projects)) return parsed;
  const withDefault = projects.map((entry: unknown) =>
    isMapping(entry) ? { ...entry, default: entry["default"] === "true" } : entry,
  );
  return { projects: withDefault };
};

const isMapping = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const corrupt = (path: string, reason: string) =>
  new AppError("invalid", `${path} is not a valid client configuration: ${reason}`, {
    hint: "Correct or remove the file, then add your projects with `dstack project add`",
  });

const entriesOf = (parsed: unknown, path: string): ProjectEntry[] => {
  if (parsed === null || parsed === undefined) return [];
  if (!isMapping(parsed)) throw corrupt(path, "expected a mapping with the key projects");
  // `repos` is an old key of the stock client: accepted, and dropped when the file is saved.
  const unknown = Object.keys(parsed).find((key) => key !== "projects" && key !== "repos");
  if (unknown !== undefined) throw corrupt(path, `unknown key "${unknown}"`);
  const projects = parsed["projects"] ?? [];
  if (!Array.isArray(projects)) throw corrupt(path, "projects is not a list");
  return projects.map((entry: unknown, at) => entryOf(entry, { path, at }));
};

const entryOf = (entry: unknown, { path, at }: { path: string; at: number }): ProjectEntry => {
  const place = `projects[${at}]`;
  if (!isMapping(entry)) throw corrupt(path, `${place} is not a mapping`);
  const textOf = (key: string): string => {
    const value = entry[key];
    if (typeof value === "string" && value !== "") return value;
    throw corrupt(path, `${place}.${key} is missing or not text`);
  };
  const unknown = Object.keys(entry).find((key) => !["name", "url", "token", "default"].includes(key));
  if (unknown !== undefined) throw corrupt(path, `${place} has the unknown key "${unknown}"`);
  return {
    name: textOf("name"),
    url: textOf("url"),
    token: textOf("token"),
    isDefault: entry["default"] === true,
  };
};

/** Replaces the file at once and as a whole, keys sorted as the stock client has them, for the owner's eyes only. */
export const saveProjects = (home: string, projects: readonly ProjectEntry[]): void => {
  const path = configPath(home);
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    writeFileSync(temporary, render(projects), { mode: 0o600 });
    // The mode above counts for new files only.
    chmodSync(temporary, 0o600);
    renameSync(temporary, path);
  } catch (err) {
    rmSync(temporary, { force: true });
    throw new AppError("unavailable", `Cannot write ${path}: ${messageOf(err)}`, { cause: err });
  }
};

/** JSON strings are YAML strings in double quotes. */
const render = (projects: readonly ProjectEntry[]): string =>
  projects.length === 0
    ? "projects: []\n"
    : `projects:\n${projects
        .map(({ name, url, token, isDefault }) =>
          [
            `- default: ${isDefault}`,
            `  name: ${JSON.stringify(name)}`,
            `  token: ${JSON.stringify(token)}`,
            `  url: ${JSON.stringify(url)}`,
          ].join("\n"),
        )
        .join("\n")}\n`;

/** Adds an entry or replaces the one of that name. The only entry, and a new default, is the default alone. */
export const withProject = (projects: readonly ProjectEntry[], entry: ProjectEntry): ProjectEntry[] => {
  const others = projects.filter((each) => each.name !== entry.name);
  const before = projects.find((each) => each.name === entry.name);
  const isDefault = entry.isDefault || others.length === 0 || (before?.isDefault ?? false);
  const updated = { ...entry, isDefault };
  const cleared = isDefault ? projects.map((each) => ({ ...each, isDefault: false })) : projects;
  return before ? cleared.map((each) => (each.name === entry.name ? updated : each)) : [...cleared, updated];
};

/** When the default goes and one entry is left, that one is it. */
export const withoutProject = (projects: readonly ProjectEntry[], name: string): ProjectEntry[] => {
  const left = projects.filter((each) => each.name !== name);
  return left.length === 1 ? left.map((each) => ({ ...each, isDefault: true })) : left;
};
