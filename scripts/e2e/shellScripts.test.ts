import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { run, runOk } from "./harness/program.ts";
import { describeWith } from "./harness/requirements.ts";

const root = resolve(import.meta.dir, "../..");

describeWith(["shellcheck"], "shell scripts", () => {
  test("every file that names /bin/sh or bash as its interpreter is shellcheck-clean", async () => {
    const listed = await runOk(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], {
      cwd: root,
    });
    const scripts = listed
      .split("\0")
      .filter((path) => /(^|\/)[^./]+$|\.sh$/.test(path) && !path.startsWith("testdata/"))
      .filter((path) => /^#!.*\b(ba)?sh\b/.test(readFileSync(join(root, path), "utf8")));
    expect(scripts).toContain("install.sh");
    expect(scripts).toContain(".ci/run");
    const { code, stdout, stderr } = await run(["shellcheck", ...scripts], { cwd: root });
    expect(stdout + stderr).toBe("");
    expect(code).toBe(0);
  }, 30_000);
});
