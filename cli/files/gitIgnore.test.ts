import { test } from "bun:test";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { listMembers } from "./walk.ts";

/** Short names of few letters, so that patterns fit often. */
const name = fc.constantFrom("a", "b", "ab", "a.b", "b.a", ".a", "a b", "[a]", "a!", "#a", "é", "ba");
const path = fc.array(name, { minLength: 1, maxLength: 4 }).map((parts) => parts.join("/"));

const piece = fc.constantFrom(
  ...[
    "a",
    "b",
    "ab",
    "*",
    "?",
    "**",
    "*.b",
    "a*",
    "[ab]",
    "[!a]",
    "[^b]*",
    "[a-b]",
    "\\a",
    "\\[a\\]",
    "é",
    "a b",
  ],
  ...["[[:alpha:]]", "[]a]", "[a", "a!", "*[.]a", "***", "a**b", "\\*", "[\\]a]", "b.a", ".a", ".*"],
);
const pattern = fc
  .record({
    negation: fc.constantFrom("", "", "", "!", "\\!"),
    start: fc.constantFrom("", "", "/", "**/"),
    pieces: fc.array(piece, { minLength: 1, maxLength: 3 }),
    end: fc.constantFrom("", "", "", "/", "/**", "/*", " ", "\\ ", "\t"),
  })
  .map(({ negation, start, pieces, end }) => `${negation}${start}${pieces.join("/")}${end}`);
const line = fc.oneof(
  { weight: 8, arbitrary: pattern },
  fc.constantFrom("", "# a", "\\#a", "/", "!", "**", "\\"),
);
const ignoreFile = fc
  .tuple(fc.array(line, { maxLength: 5 }), fc.constantFrom("\n", "\r\n"))
  .map(([lines, end]) => lines.map((text) => `${text}${end}`).join(""));

const tree = fc.record({
  files: fc.uniqueArray(path, { minLength: 1, maxLength: 12 }),
  ignores: fc.array(fc.tuple(fc.option(path, { nil: "" }), ignoreFile), { minLength: 1, maxLength: 3 }),
});

/** A file where a folder is wanted too gives way. */
const writeTree = (root: string, { files, ignores }: Tree): void => {
  for (const file of files) tryWrite(join(root, file), "x");
  for (const [folder, text] of ignores) tryWrite(join(root, folder, ".gitignore"), text);
};

interface Tree {
  files: string[];
  ignores: [string, string][];
}

const tryWrite = (file: string, text: string): void => {
  try {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  } catch (err) {
    const { code } = err as NodeJS.ErrnoException;
    if (code !== "ENOTDIR" && code !== "EEXIST" && code !== "EISDIR") throw err;
  }
};

const git = (root: string, ...args: string[]): string => {
  const env = { ...process.env, GIT_CONFIG_GLOBAL: "/dev/null", GIT_CONFIG_NOSYSTEM: "1" };
  const { stdout, stderr, success } = Bun.spawnSync(["git", "-C", root, ...args], { env });
  if (!success) throw new Error(stderr.toString());
  return stdout.toString();
};

test("what .gitignore leaves of a folder is what git leaves of it", () => {
  using dir = tempDir();
  const root = join(dir.path, "root");
  mkdirSync(root);
  git(root, "init", "--quiet");
  fc.assert(
    fc.property(tree, (made) => {
      for (const entry of [...new Bun.Glob("*").scanSync({ cwd: root, dot: true, onlyFiles: false })])
        if (entry !== ".git") rmSync(join(root, entry), { recursive: true });
      writeTree(root, made);
      const expected = git(root, "ls-files", "--others", "--exclude-standard", "-z")
        .split("\0")
        .filter(Boolean);
      const found = listMembers(root).filter(({ kind }) => kind === "file");
      const names = found.map(({ name: member }) => member.slice("root/".length));
      const differences = [
        ...expected.filter((file) => !names.includes(file)).map((file) => `git keeps ${file}`),
        ...names.filter((file) => !expected.includes(file)).map((file) => `git ignores ${file}`),
      ];
      if (differences.length > 0) throw new Error(differences.join("; "));
    }),
    { numRuns: Number(process.env["IGNORE_RUNS"] ?? 200) },
  );
}, 60_000);
