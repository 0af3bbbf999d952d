import { describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { SHELLS, scriptFor } from "./scripts.ts";

const MAIN = resolve(import.meta.dir, "../main.ts");

/** A folder with two configurations, and a `dstack` in the path that is this source tree's. */
const openFolder = () => {
  const dir = tempDir();
  const bin = join(dir.path, "bin");
  mkdirSync(bin);
  writeFileSync(join(bin, "dstack"), `#!/bin/sh\nexec "${process.execPath}" "${MAIN}" "$@"\n`);
  chmodSync(join(bin, "dstack"), 0o755);
  for (const name of ["a.yml", "b.yaml", "c.txt"]) writeFileSync(join(dir.path, name), "");
  const run = (argv: string[], stdin = "") => {
    const { stdout, stderr, exitCode } = Bun.spawnSync(argv, {
      cwd: dir.path,
      env: { HOME: bin, PATH: `${bin}:/usr/local/bin:/usr/bin:/bin` },
      stdin: Buffer.from(stdin),
    });
    return { out: stdout.toString(), err: stderr.toString(), exitCode };
  };
  return { run, [Symbol.dispose]: () => dir[Symbol.dispose]() };
};

const has = (shell: string) => Bun.which(shell, { PATH: "/usr/local/bin:/usr/bin:/bin" }) !== null;

describe.each(SHELLS)("the script for %s", (shell) => {
  test.skipIf(!has(shell))("is in that shell's language", () => {
    using folder = openFolder();
    expect(folder.run([shell, "-n"], scriptFor(shell))).toEqual({ out: "", err: "", exitCode: 0 });
  });
});

/** Completes a line, with the last word not finished. */
const COMPLETE: Record<string, (line: string) => string[]> = {
  bash: (line) => [
    "bash",
    "-c",
    `eval "$(dstack completion bash)"; COMP_WORDS=(${line.replace(/ $/, " ''")}); COMP_CWORD=$((\${#COMP_WORDS[@]} - 1)); _dstack_spaced; printf '%s\\n' "\${COMPREPLY[@]}"`,
  ],
  fish: (line) => ["fish", "-c", `dstack completion fish | source; complete -C '${line}'`],
};

describe.each(Object.keys(COMPLETE))("completing in %s", (shell) => {
  test.skipIf(!has(shell)).each([
    ["dstack fl", ["fleet"]],
    ["dstack fleet tok", ["token"]],
    ["dstack apply --prof", ["--profile"]],
    ["dstack ps --format ", ["json", "plain"]],
    ["dstack apply -f a", ["a.yml"]],
    ["dstack nothing ", []],
  ])("%j", (line, expected) => {
    using folder = openFolder();
    const { out } = folder.run(COMPLETE[shell]?.(line) ?? []);
    const found = out
      .split("\n")
      .map((each) => each.trim().split("\t")[0])
      .filter(Boolean);
    expect([...new Set(found)].sort()).toEqual([...expected]);
  });

  test.skipIf(!has(shell))("a file: configurations, and folders on the way to them", () => {
    using folder = openFolder();
    const { out } = folder.run(COMPLETE[shell]?.("dstack apply -f ") ?? []);
    for (const name of ["a.yml", "b.yaml", "bin/"]) expect(out).toContain(name);
  });
});
