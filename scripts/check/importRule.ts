import { dirname, join } from "node:path";

/** What a part may import besides itself and packages (ARCHITECTURE.md, import rule). */
const MAY_IMPORT: Record<string, readonly string[]> = {
  shared: [],
  agent: ["shared"],
  coordinator: ["shared"],
  cli: ["shared"],
};
const PARTS = [...Object.keys(MAY_IMPORT), "scripts"];

/** The one file that joins two artefacts: `dstack server` is part of the command line's binary. */
const SERVER_COMMAND = "cli/commands/server.ts";

/** Inside the coordinator: `http`, `engine` → `domain` → `store`, never the other way. */
const LAYER_ABOVE: Record<string, readonly string[]> = {
  "coordinator/domain/": ["coordinator/http/", "coordinator/engine/"],
  "coordinator/store/": ["coordinator/http/", "coordinator/engine/", "coordinator/domain/"],
};

/** Packages that stay behind one folder, so that exactly one place has to know them; scripts may use all. */
const ONLY_IN: Record<string, readonly string[]> = {
  dockerode: ["agent/runtime/docker/"],
  "node-pty": ["agent/runtime/process/"],
  hono: [
    "coordinator/http/",
    "coordinator/app",
    "coordinator/main.ts",
    "coordinator/testing/",
    "agent/testing/",
  ],
};

const SPECIFIER =
  /^[ \t}]*(?:(?:import|export)\b[^;"'`]*?\bfrom|import|[^"'\n]*\b(?:import|require)\()\s*["']([^"']+)["']/gm;

/** Every module that the source names, type-only imports included: those couple the parts just as well. */
export const importsOf = (source: string): string[] =>
  [...source.matchAll(SPECIFIER)].map(([, specifier = ""]) => specifier);

const packageOf = (specifier: string): string =>
  specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/");

const packageBreach = (path: string, specifier: string): string | undefined => {
  const homes = ONLY_IN[packageOf(specifier)];
  if (!homes || path.startsWith("scripts/") || homes.some((home) => path.startsWith(home))) return undefined;
  return `only ${homes.join(", ")} may import ${packageOf(specifier)}`;
};

const fileBreach = (path: string, specifier: string): string | undefined => {
  const target = join(dirname(path), specifier);
  const [part = "", targetPart = ""] = [path, target].map((name) => name.split("/")[0] ?? "");
  const allowed = MAY_IMPORT[part];
  if (allowed && targetPart !== part && PARTS.includes(targetPart) && !allowed.includes(targetPart)) {
    if (path === SERVER_COMMAND && targetPart === "coordinator") return undefined;
    return `${part} may not import ${targetPart} (${specifier})`;
  }
  for (const [layer, above] of Object.entries(LAYER_ABOVE)) {
    const upper = above.find((folder) => target.startsWith(folder));
    if (path.startsWith(layer) && upper) return `${layer} may not import ${upper} (${specifier})`;
  }
  return undefined;
};

/** Every breach of the import rule in one file, as text for people; `path` is relative to the repository. */
export const findImportBreaches = (path: string, source: string): string[] =>
  importsOf(source).flatMap((specifier) => {
    const breach = specifier.startsWith(".") ? fileBreach(path, specifier) : packageBreach(path, specifier);
    return breach ? [`${path}: ${breach}`] : [];
  });
