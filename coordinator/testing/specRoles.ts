import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Access } from "../http/access.ts";

const SPEC = join(import.meta.dir, "../../docs/spec/http-api.md");

/** A path whose parameters have no names: those differ. */
export const withoutNames = (path: string): string => path.replace(/:\w+|\{\w+\}/g, ":");

/** `P/a/{x}` and what follows it, `· /b`, as our routes write them. */
const pathsOf = (cell: string): string[] => {
  const paths: string[] = [];
  for (const [, text = ""] of cell.matchAll(/`([^`]+)`/g)) {
    const path = withoutNames(text.replace(/^GET /, "").replace(/\?.*$/, ""));
    const before = paths.at(-1)?.replace(/\/[^/]+$/, "");
    if (path.startsWith("P/")) paths.push(path.replace(/^P/, "/api/project/:"));
    else if (path.startsWith("/api/")) paths.push(path);
    else if (path.startsWith("/") && before !== undefined) paths.push(before + path);
  }
  return paths;
};

const LABELS = ["member+public", "member", "manager", "padmin", "gadmin", "auth", "none"] as const;

const roleOf = (cell: string): Access | undefined => {
  const label = LABELS.find((name) => cell.startsWith(name));
  if (cell.startsWith("dedicated service token")) return "service";
  if (/import(?:er|ing)/.test(cell) && (label === "member" || label === "member+public"))
    return `${label}+importer`;
  return label;
};

/** A path and a role in a line of its own, or in a row of a table. */
const cellsOf = (line: string): string[] =>
  line.startsWith("|")
    ? line
        .split("|")
        .slice(1)
        .map((cell) => cell.trim())
    : line.split(/, |\. /);

/** Who may call a path, without the names of its parameters, as the specification says (docs/spec/http-api.md §2). */
export const rolesOfSpec = (): ReadonlyMap<string, Access> => {
  const roles = new Map<string, Access>();
  let last: Access | undefined;
  const [, endpoints = ""] = readFileSync(SPEC, "utf8").split(/^## (?:2\. Endpoints|3\. Models)$/m);
  for (const line of endpoints.split("\n")) {
    const [first = "", second = ""] = cellsOf(line);
    if (!/^`(?:GET )?(?:P|\/api)\//.test(first)) continue;
    last = second === "same" ? last : roleOf(second);
    if (last !== undefined) for (const path of pathsOf(first)) roles.set(path, last);
  }
  return roles;
};
