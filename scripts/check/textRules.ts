/** Rules on the text of a file that no linter has. Each answers breaches as text for people. */

const isProgram = (path: string): boolean =>
  /(^|\/)main\.ts$/.test(path) || /^scripts\/[^/]+\.ts$/.test(path);
const isTest = (path: string): boolean => path.endsWith(".test.ts");

/** A file of code longer than this is to be split. */
const MAX_LINES = 500;

/** Says which file of code is too long. Tests and generated files do not count. */
export const findOversized = (path: string, source: string): string[] => {
  if (isTest(path) || path.includes("/migrations/")) return [];
  const lines = source.split("\n").length;
  return lines > MAX_LINES ? [`${path}: ${lines} lines; split it (at most ${MAX_LINES})`] : [];
};

/** The environment is read once, where the parts are put together; whoever needs a value takes it as an argument. */
export const findEnvironmentReads = (path: string, source: string): string[] => {
  if (isProgram(path) || isTest(path)) return [];
  const found = source.match(/\b(?:process|Bun|import\.meta)\.env\b/);
  return found ? [`${path}: ${found[0]} is for main.ts only; take what you need as an argument`] : [];
};

/** A barrel hides who uses what and draws everything into every bundle. */
export const findBarrels = (path: string, source: string): string[] => {
  if (isTest(path)) return [];
  if (/(^|\/)index\.ts$/.test(path))
    return [`${path}: name the file by what it holds; there are no index.ts files`];
  return /^export \* from/m.test(source)
    ? [`${path}: import from the file itself instead of re-exporting all`]
    : [];
};

/** Written in parts, as this file is checked too. */
const REGISTRY_HOSTS = [
  ["npmjs", "org"],
  ["npmjs", "com"],
  ["yarnpkg", "com"],
  ["pypi", "org"],
  ["pythonhosted", "org"],
  ["crates", "io"],
  ["proxy", "golang", "org"],
  ["jsr", "io"],
].map((parts) => parts.join("."));

/** Whoever builds here may use a mirror: which registry to ask is the package manager's setting, never ours. */
export const findRegistryHosts = (path: string, text: string): string[] =>
  REGISTRY_HOSTS.filter((host) => text.includes(host)).map(
    (host) => `${path}: names the registry host ${host}`,
  );

/** The repository stands alone: only its own `shared/` may be meant by a relative path. */
export const findOutsidePaths = (path: string, text: string): string[] => {
  const found = text.match(/\.\.\/shared\/(?:design|golden|hooks|spec|style)\b/);
  return found ? [`${path}: "${found[0]}" points out of the repository`] : [];
};
