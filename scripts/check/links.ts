import { dirname, join } from "node:path";

const LINK = /\]\(([^)\s]+)\)/g;

/** Links of a document to files of the repository that are not there; `has` knows files and folders. */
export const findDeadLinks = (path: string, text: string, has: (path: string) => boolean): string[] => {
  if (!path.endsWith(".md")) return [];
  const targets = [...text.matchAll(LINK)].map(([, target = ""]) => target.replace(/#.*$/, ""));
  return targets
    .filter((target) => target !== "" && !/^[a-z]+:/.test(target))
    .filter((target) => !has(join(dirname(path), target).replace(/\/$/, "")))
    .map((target) => `${path}: there is no ${target}`);
};

/** A document of ours, as comments name it: from the top of the repository. */
const NAMED = /(?<![\w/.])docs\/[\w./-]+\.(?:md|json)\b/g;

/** Documents that code names and that are not there. Those that tests make up are no concern. */
export const findDeadReferences = (path: string, text: string, has: (path: string) => boolean): string[] => {
  if (path.endsWith(".test.ts")) return [];
  return [...text.matchAll(NAMED)]
    .map(([target]) => target)
    .filter((target) => !has(target))
    .map((target) => `${path}: there is no ${target}`);
};
