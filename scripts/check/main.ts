/** The gate: format, lint and import cycles (Biome), types, the import rule, file sizes, dead code (knip). */
import { findImportBreaches } from "./importRule.ts";
import { findOversized } from "./size.ts";

const root = `${import.meta.dir}/../..`;
const files = [...new Bun.Glob("{agent,coordinator,shared,cli,scripts}/**/*.ts").scanSync({ cwd: root })]
  .filter((path) => !path.includes("node_modules/"))
  .sort();

const run = async (name: string, command: string[]): Promise<boolean> => {
  const child = Bun.spawn([process.execPath, "x", "--bun", ...command], {
    cwd: root,
    stdout: "inherit",
    stderr: "inherit",
  });
  const ok = (await child.exited) === 0;
  console.log(`${ok ? "ok    " : "FAILED"} ${name}`);
  return ok;
};

const readAll = async (find: (path: string, source: string) => string[]): Promise<string[]> =>
  (await Promise.all(files.map(async (path) => find(path, await Bun.file(`${root}/${path}`).text())))).flat();

const rule = async (name: string, find: (path: string, source: string) => string[]): Promise<boolean> => {
  const breaches = await readAll(find);
  for (const breach of breaches) console.log(breach);
  console.log(`${breaches.length === 0 ? "ok    " : "FAILED"} ${name}`);
  return breaches.length === 0;
};

const results = [
  await run("format, lint, cycles", ["biome", "check", "--error-on-warnings", "."]),
  await run("types", ["tsc", "--noEmit"]),
  await rule("import rule", findImportBreaches),
  await rule("file sizes", findOversized),
  await run("dead code", ["knip"]),
];
process.exit(results.every(Boolean) ? 0 : 1);
