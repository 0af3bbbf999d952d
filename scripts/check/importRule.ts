import { dirname, normalize } from "node:path";

/** What a part may import besides itself and packages (ARCHITECTURE.md, import rule). */
const MAY_IMPORT: Record<string, readonly string[]> = {
  shared: [],
  agent: ["shared"],
  coordinator: ["shared"],
  cli: ["shared"],
};

/** Packages that are to stay behind one folder, so that exactly one place has to know them. */
const ONLY_IN: Record<string, string> = {
  dockerode: "agent/runtime/docker/",
  "node-pty": "agent/runtime/process/",
};

/** The one file that joins two artefacts: `dstack server` is part of the command line's binary. */
const SERVER_COMMAND = "cli/commands/server.ts";

const IMPORT = /(?:\bfrom\s*|\bimport\s*\(?\s*)["']([^"']+)["']/g;

/** Every breach of the import rule in one file, as text for people; `path` is relative to the repository. */
export const findImportBreaches = (path: string, source: string): string[] => {
  const part = path.split("/")[0] ?? "";
  const allowed = MAY_IMPORT[part];
  const breaches: string[] = [];
  for (const [, specifier = ""] of source.matchAll(IMPORT)) {
    const home = ONLY_IN[specifier];
    if (home && !path.startsWith(home) && part !== "scripts")
      breaches.push(`${path}: only ${home} may import ${specifier}`);
    if (!allowed || !specifier.startsWith(".")) continue;
    const target = normalize(`${dirname(path)}/${specifier}`).split("/")[0] ?? "";
    if (target === part || allowed.includes(target) || !(target in MAY_IMPORT || target === "scripts"))
      continue;
    if (path === SERVER_COMMAND && target === "coordinator") continue;
    breaches.push(`${path}: ${part} may not import ${target} (${specifier})`);
  }
  return breaches;
};
