/** The gate, `bun run check`: format, lint and cycles (Biome), types, dead code (knip), and rules of our own. */
import { resolve } from "node:path";
import { findStaleDocs } from "../docs/generated.ts";
import { checkRules } from "./rules.ts";

const root = resolve(import.meta.dir, "../..");

interface Outcome {
  name: string;
  output: string;
  ok: boolean;
}

/** `bun x --bun`, so that a machine without Node can run the gate too. */
const runTool = async (name: string, command: string[]): Promise<Outcome> => {
  const child = Bun.spawn([process.execPath, "x", "--bun", ...command], {
    cwd: root,
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { name, output: stdout + stderr, ok: code === 0 };
};

const runRules = async (): Promise<Outcome[]> =>
  [...(await checkRules(root))].map(([name, breaches]) => ({
    name,
    output: breaches.map((breach) => `${breach}\n`).join(""),
    ok: breaches.length === 0,
  }));

const runDocs = async (): Promise<Outcome> => {
  const stale = await findStaleDocs(root);
  const output = stale
    .map((path) => `${path}: not what schemas, routes and commands say: bun run docs\n`)
    .join("");
  return { name: "docs are current", output, ok: stale.length === 0 };
};

const outcomes = await Promise.all([
  runTool("format, lint, cycles", ["biome", "check", "--error-on-warnings", "."]),
  runTool("types", ["tsc", "--noEmit"]),
  runTool("dead code", ["knip"]),
  runRules(),
  runDocs(),
]);
for (const { name, output, ok } of outcomes.flat()) {
  if (!ok) process.stdout.write(output);
  process.stdout.write(`${ok ? "ok    " : "FAILED"} ${name}\n`);
}
process.exit(outcomes.flat().every((outcome) => outcome.ok) ? 0 : 1);
