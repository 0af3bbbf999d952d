import { $ } from "bun";
import { findImportBreaches } from "./importRule.ts";
import { findDeadLinks, findDeadReferences } from "./links.ts";
import {
  findBarrels,
  findEnvironmentReads,
  findOutsidePaths,
  findOversized,
  findRegistryHosts,
} from "./textRules.ts";

type Find = (path: string, text: string) => string[];

const CODE_RULES: Record<string, Find> = {
  "import rule": findImportBreaches,
  "file sizes": findOversized,
  "environment in main.ts only": findEnvironmentReads,
  "no barrels": findBarrels,
};
const TEXT_RULES: Record<string, Find> = {
  "no registry hosts": findRegistryHosts,
  "stands alone": findOutsidePaths,
};

const isCode = (path: string): boolean => /^(agent|cli|coordinator|scripts|shared)\/.*\.ts$/.test(path);
/** Lists of other people's addresses are what these are. */
const isForeign = (path: string): boolean =>
  /^(docs\/spec|testdata)\//.test(path) || path.endsWith("bun.lock");

/** Every file of the tree that git keeps or would keep, tracked or not yet. */
const listFiles = async (root: string): Promise<string[]> => {
  const listed = await $`git ls-files -z --cached --others --exclude-standard`.cwd(root).text();
  const paths = [...new Set(listed.split("\0"))].filter((path) => path !== "").sort();
  const present = await Promise.all(paths.map((path) => Bun.file(`${root}/${path}`).exists()));
  return paths.filter((_, at) => present[at]);
};

/** `a/b/c.ts`, `a/b` and `a`. */
const withFolders = (path: string): string[] => {
  const parts = path.split("/");
  return parts.map((_, at) => parts.slice(0, at + 1).join("/"));
};

/** The breaches of each rule of our own in the tree at `root`. */
export const checkRules = async (root: string): Promise<Map<string, string[]>> => {
  const paths = await listFiles(root);
  const known = new Set(paths.flatMap(withFolders));
  const has = (target: string) => known.has(target);
  const codeRules: Record<string, Find> = {
    ...CODE_RULES,
    "documents named in code": (path, text) => findDeadReferences(path, text, has),
  };
  const textRules: Record<string, Find> = {
    ...TEXT_RULES,
    "links in documents": (path, text) => findDeadLinks(path, text, has),
  };
  const breaches = new Map(
    [...Object.keys(codeRules), ...Object.keys(textRules)].map((rule) => [rule, [] as string[]]),
  );
  for (const path of paths) {
    if (isForeign(path)) continue;
    const text = await Bun.file(`${root}/${path}`).text();
    const rules = isCode(path) ? { ...codeRules, ...textRules } : textRules;
    for (const [rule, find] of Object.entries(rules)) breaches.get(rule)?.push(...find(path, text));
  }
  return breaches;
};
