import { expect, test } from "bun:test";
import { join } from "node:path";
import { $ } from "bun";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { checkRules } from "./rules.ts";

test("checkRules() finds a breach of each rule in a tree that has one of each", async () => {
  using dir = tempDir();
  const write = (path: string, text: string) => Bun.write(join(dir.path, path), text);
  await $`git init -q`.cwd(dir.path);
  await write(".gitignore", "dist/\n");
  await write("agent/link.ts", 'import { db } from "../coordinator/db.ts";\n');
  await write("cli/long.ts", "\n".repeat(600));
  await write("shared/home.ts", "export const home = process.env.HOME;\n");
  await write("shared/index.ts", 'export { home } from "./home.ts";\n');
  await write(
    "README.md",
    `From ${["pypi", "org"].join(".")}, see ${["..", "shared", "design"].join("/")}, [and](docs/gone.md) [so](coordinator/fine.ts)\n`,
  );
  await write("cli/told.ts", "// docs/deep/gone.md says why\nexport {};\n");
  await write("dist/agent/ignored.ts", 'import "../coordinator/db.ts";\n');
  await write("coordinator/fine.ts", 'import { home } from "../shared/home.ts";\n');

  expect(Object.fromEntries(await checkRules(dir.path))).toEqual({
    "import rule": ["agent/link.ts: agent may not import coordinator (../coordinator/db.ts)"],
    "file sizes": ["cli/long.ts: 601 lines; split it (at most 500)"],
    "environment in main.ts only": [expect.stringContaining("shared/home.ts: process.env")],
    "no barrels": [expect.stringContaining("shared/index.ts")],
    "documents named in code": ["cli/told.ts: there is no docs/deep/gone.md"],
    "no registry hosts": [expect.stringContaining("README.md")],
    "stands alone": [expect.stringContaining("README.md")],
    "links in documents": ["README.md: there is no docs/gone.md"],
  });
});
