import { expect, test } from "bun:test";
import { chmodSync, mkdirSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { extract } from "tar-stream";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { makeArchive } from "./archive.ts";

const write = (root: string, files: Record<string, string>) => {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), text);
  }
};

const membersOf = async (content: Blob) => {
  const unpacking = extract();
  unpacking.end(Buffer.from(await content.arrayBuffer()));
  const members: Record<string, string> = {};
  const modes: Record<string, number | undefined> = {};
  for await (const entry of unpacking) {
    const { name, type, linkname, mode } = entry.header;
    modes[name] = mode;
    let text = "";
    for await (const part of entry) text += part;
    members[name] = type === "symlink" ? `-> ${linkname}` : type === "directory" ? "/" : text;
  }
  return { members, modes };
};

test("makeArchive() packs a single file under its own name", async () => {
  using dir = tempDir();
  write(dir.path, { "settings.json": "{}\n" });
  const { content, hash } = await makeArchive(join(dir.path, "settings.json"));
  expect((await membersOf(content)).members).toEqual({ "settings.json": "{}\n" });
  expect(hash).toBe(new Bun.CryptoHasher("sha256").update(await content.arrayBuffer()).digest("hex"));
});

test("makeArchive() leaves out what the ignore files and git's own folder say, and keeps dot files", async () => {
  using dir = tempDir();
  write(dir.path, {
    "app/.git/HEAD": "ref",
    "app/.gitignore": "*.tmp\n/out\n",
    "app/.dstackignore": "!wanted.tmp\n",
    "app/.hidden": "h",
    "app/a.tmp": "x",
    "app/wanted.tmp": "w",
    "app/out/a": "x",
    "app/lib/out/b": "b",
    "app/lib/.ignore": "secret\n",
    "app/lib/secret": "s",
    "app/lib/core.py": "print()",
  });
  const { members } = await membersOf((await makeArchive(join(dir.path, "app"))).content);
  expect(members).toEqual({
    app: "/",
    "app/.dstackignore": "!wanted.tmp\n",
    "app/.gitignore": "*.tmp\n/out\n",
    "app/.hidden": "h",
    "app/lib": "/",
    "app/lib/.ignore": "secret\n",
    "app/lib/core.py": "print()",
    "app/lib/out": "/",
    "app/lib/out/b": "b",
    "app/wanted.tmp": "w",
  });
});

test("makeArchive() keeps links that stay inside as links, and sends what others lead to", async () => {
  using dir = tempDir();
  write(dir.path, { "app/real": "r", "app/sub/x": "x", outside: "o", "elsewhere/y": "y" });
  symlinkSync(join(dir.path, "app/real"), join(dir.path, "app/sub/absolute"));
  symlinkSync("../outside", join(dir.path, "app/leaves"));
  symlinkSync("../elsewhere", join(dir.path, "app/folder"));
  symlinkSync("nowhere", join(dir.path, "app/broken"));
  symlinkSync("/nonexistent/at/all", join(dir.path, "app/gone"));
  const { members } = await membersOf((await makeArchive(join(dir.path, "app"))).content);
  expect(members).toEqual({
    app: "/",
    "app/broken": "-> nowhere",
    "app/leaves": "o",
    "app/real": "r",
    "app/sub": "/",
    "app/sub/absolute": "-> ../real",
    "app/sub/x": "x",
  });
});

test("makeArchive() gives the same bytes for the same files, and other ones for other files", async () => {
  using dir = tempDir();
  write(dir.path, { "a/x": "1", "a/y": "2" });
  chmodSync(join(dir.path, "a/x"), 0o755);
  const first = await makeArchive(join(dir.path, "a"));
  expect((await membersOf(first.content)).modes["a/x"]).toBe(0o755);
  expect((await makeArchive(join(dir.path, "a"))).hash).toBe(first.hash);
  writeFileSync(join(dir.path, "a/x"), "3");
  utimesSync(join(dir.path, "a/x"), 1_700_000_000, 1_700_000_000);
  expect((await makeArchive(join(dir.path, "a"))).hash).not.toBe(first.hash);
});

test("makeArchive() of a large file keeps every byte", async () => {
  using dir = tempDir();
  const bytes = crypto.getRandomValues(new Uint8Array(65_536));
  const large = Buffer.concat(Array.from({ length: 50 }, () => bytes));
  writeFileSync(join(dir.path, "large"), large);
  const { content } = await makeArchive(join(dir.path, "large"));
  const packed = Buffer.from(await content.arrayBuffer()).subarray(512, 512 + large.length);
  expect(packed.equals(large)).toBe(true);
});
