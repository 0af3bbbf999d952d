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
