/** The commands of the guides in docs/ do what they are shown for: every block of `sh` runs as it stands. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { run } from "./harness/program.ts";
import { DSTACK } from "./harness/programs.ts";
import { describeWith } from "./harness/requirements.ts";
import { NEEDS, openSystem, type System } from "./harness/system.ts";

const docs = resolve(import.meta.dir, "../../docs");
const shellBlocks = (page: string): string[] =>
  [...readFileSync(join(docs, page), "utf8").matchAll(/^```sh\n(.*?)^```$/gms)].map(
    ([, block = ""]) => block,
  );

describeWith([...NEEDS.process, "curl"], "the guides", () => {
  let system: System;
  beforeAll(async () => {
    system = await openSystem({ runtime: "process" });
  }, 30_000);
  afterAll(() => system[Symbol.asyncDispose]());

  test.each(["quickstart.md", "on-prem.md", "rest.md", "files.md"])(
    "%s",
    async (page) => {
      const blocks = shellBlocks(page);
      expect(blocks.length).toBeGreaterThan(2);
      const { coordinator, dir } = system;
      const home = join(dir, "reader");
      mkdirSync(home, { recursive: true });
      const { code, stdout, stderr } = await run(
        ["bash", "-euo", "pipefail", "-c", `${blocks.join("\n")}\necho READ TO THE END`],
        {
          cwd: mkdtempSync(join(dir, "guide-")),
          env: {
            HOME: home,
            PATH: `${dirname(DSTACK)}:${process.env["PATH"]}`,
            DSTACK_SERVER_URL: coordinator.url,
            DSTACK_TOKEN: coordinator.token,
            DSTACK_PROJECT: "main",
          },
        },
      );
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      expect(stdout).toEndWith("READ TO THE END\n");
      if (page === "files.md")
        expect(stdout).toMatch(/^\{"archive":\{"id":"[^"]+","hash":"[0-9a-f]{64}"\}\}/m);
      if (page === "rest.md") expect(stdout).toMatch(/^done$.*^hello from REST\r?$/ms);
    },
    90_000,
  );
});
