import { expect, test } from "bun:test";
import {
  chmodSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { extract } from "tar-stream";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { planArchive } from "./archive.ts";
import { type Content, hashOf } from "./content.ts";
import { largestText } from "./largest.ts";
import { tarHeader } from "./tarHeader.ts";

const write = (root: string, files: Record<string, string>) => {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), text);
  }
};

const bytesOf = (content: Content, from?: number) =>
  Buffer.concat(Array.from(content.read(from), (piece) => piece.slice()));

const hash = (content: Content) => hashOf(content, () => {});

const membersOf = async (content: Content) => {
  const unpacking = extract();
  unpacking.end(bytesOf(content));
  const members: Record<string, string> = {};
  const modes: Record<string, number | undefined> = {};
  for await (const entry of unpacking) {
    const { type, linkname, mode } = entry.header;
    const name = entry.header.name.replace(/\/$/, "");
    modes[name] = mode;
    let text = "";
    for await (const part of entry) text += part;
    members[name] = type === "symlink" ? `-> ${linkname}` : type === "directory" ? "/" : text;
  }
  return { members, modes };
};

test("planArchive() packs a single file under its own name", async () => {
  using dir = tempDir();
  write(dir.path, { "settings.json": "{}\n" });
  const archive = planArchive(join(dir.path, "settings.json"));
  expect((await membersOf(archive)).members).toEqual({ "settings.json": "{}\n" });
  expect(archive.size).toBe(bytesOf(archive).length);
  expect(await hash(archive)).toBe(new Bun.CryptoHasher("sha256").update(bytesOf(archive)).digest("hex"));
});

test("planArchive() leaves out what the ignore files and git's own folder say, and keeps dot files", async () => {
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
  const { members } = await membersOf(planArchive(join(dir.path, "app")));
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

test("planArchive() keeps links that stay inside as links, and sends what others lead to", async () => {
  using dir = tempDir();
  write(dir.path, { "app/real": "r", "app/sub/x": "x", outside: "o", "elsewhere/y": "y" });
  symlinkSync(join(dir.path, "app/real"), join(dir.path, "app/sub/absolute"));
  symlinkSync("../outside", join(dir.path, "app/leaves"));
  symlinkSync("../elsewhere", join(dir.path, "app/folder"));
  symlinkSync("nowhere", join(dir.path, "app/broken"));
  symlinkSync("/nonexistent/at/all", join(dir.path, "app/gone"));
  const { members } = await membersOf(planArchive(join(dir.path, "app")));
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

test("the same files give the same bytes, whenever they were written, and other ones give others", async () => {
  using dir = tempDir();
  write(dir.path, { "a/.gitignore": "*.tmp\n", "a/x": "1", "a/y": "2" });
  chmodSync(join(dir.path, "a/x"), 0o755);
  const first = planArchive(join(dir.path, "a"));
  expect((await membersOf(first)).modes["a/x"]).toBe(0o755);
  const before = await hash(first);
  utimesSync(join(dir.path, "a/x"), 1_700_000_000, 1_700_000_000);
  write(dir.path, { "a/ignored.tmp": "changes the folder's time" });
  expect(await hash(planArchive(join(dir.path, "a")))).toBe(before);
  writeFileSync(join(dir.path, "a/x"), "3");
  expect(await hash(planArchive(join(dir.path, "a")))).not.toBe(before);
});

test("an archive can be read from any byte on, and has the size that was said", () => {
  const names = fc.dictionary(
    fc.constantFrom("a", "b/c", `b/${"ä".repeat(60)}`, `${"long-name/".repeat(12)}e`),
    fc.nat({ max: 3000 }),
    { minKeys: 1 },
  );
  fc.assert(
    fc.property(names, fc.double({ min: 0, max: 1, noNaN: true }), (files, share) => {
      using dir = tempDir();
      for (const [name, size] of Object.entries(files))
        write(dir.path, { [`root/${name}`]: "x".repeat(size) });
      const archive = planArchive(join(dir.path, "root"));
      const whole = bytesOf(archive);
      expect(whole.length).toBe(archive.size);
      const from = Math.floor(share * archive.size);
      expect(bytesOf(archive, from).equals(whole.subarray(from))).toBe(true);
    }),
    { numRuns: 20 },
  );
});

test("the system's tar unpacks what was packed, whatever the names are like", async () => {
  using dir = tempDir();
  const long = `deep/${"folder-with-a-long-name/".repeat(8)}file`;
  const files = {
    "app/plain": "p",
    "app/with space and 'quotes'": "q",
    "app/naïve-文字-🚀": "u",
    "app/back\\slash": "b",
    "app/-dash": "d",
    "app/new\nline": "n",
    [`app/${long}`]: "l",
    "app/exactly": "x".repeat(512),
    "app/empty": "",
  };
  write(dir.path, files);
  symlinkSync(long, join(dir.path, "app/to-long"));
  chmodSync(join(dir.path, "app/plain"), 0o750);
  await Bun.write(join(dir.path, "app.tar"), bytesOf(planArchive(join(dir.path, "app"))));
  mkdirSync(join(dir.path, "out"));
  const tar = Bun.spawnSync(["tar", "xf", join(dir.path, "app.tar"), "-C", join(dir.path, "out")]);
  expect(tar.stderr.toString()).toBe("");
  for (const [name, text] of Object.entries(files))
    expect(readFileSync(join(dir.path, "out", name), "utf8")).toBe(text);
  expect(readlinkSync(join(dir.path, "out/app/to-long"))).toBe(long);
  expect(statSync(join(dir.path, "out/app/plain")).mode & 0o777).toBe(0o750);
});

test("a file of more than 8 GiB is one that tar knows the size of", () => {
  const size = 9 * 1024 ** 3;
  const header = tarHeader({ name: "huge", kind: "file", mode: 0o644, size });
  using dir = tempDir();
  writeFileSync(join(dir.path, "head.tar"), header);
  const { stdout } = Bun.spawnSync(["tar", "tvf", join(dir.path, "head.tar")]);
  expect(stdout.toString()).toContain(` ${size} 1980-01-01`);
});

test("a file that changes between the plan and the reading, or while it is read, is told", () => {
  using dir = tempDir();
  const path = join(dir.path, "log");
  writeFileSync(path, "x".repeat(3_000_000));
  const planned = planArchive(path);
  const pieces = planned.read()[Symbol.iterator]();
  for (let count = 0; count < 2; count++) pieces.next();
  writeFileSync(path, "y".repeat(3_000_000));
  utimesSync(path, 1_700_000_000, 1_700_000_000);
  expect(() => {
    while (!pieces.next().done);
  }).toThrow(`The file '${path}' changed while it was read`);
  expect(() => bytesOf(planned)).toThrow("changed while it was read");
  rmSync(path);
  expect(() => bytesOf(planned)).toThrow("ENOENT");
});

test("a name that is not UTF-8 is told", () => {
  using dir = tempDir();
  mkdirSync(join(dir.path, "app"));
  writeFileSync(Buffer.concat([Buffer.from(`${dir.path}/app/caf`), Buffer.from([0xe9])]), "x");
  expect(() => planArchive(join(dir.path, "app"))).toThrow("is not UTF-8");
});

test("a large file keeps every byte", () => {
  using dir = tempDir();
  const bytes = crypto.getRandomValues(new Uint8Array(65_536));
  const large = Buffer.concat(Array.from({ length: 50 }, () => bytes));
  writeFileSync(join(dir.path, "large"), large);
  const packed = bytesOf(planArchive(join(dir.path, "large"))).subarray(512, 512 + large.length);
  expect(packed.equals(large)).toBe(true);
});

test("a checkout's ignore files above a folder are about what is in it, and what was asked for is never ignored", async () => {
  using dir = tempDir();
  write(dir.path, {
    ".gitignore": "*.pyc\n",
    "repo/.git/HEAD": "ref",
    "repo/.gitignore": "*.log\n/data/\n",
    "repo/data/a.log": "x",
    "repo/data/b.pyc": "b",
    "repo/data/c": "c",
  });
  const { members } = await membersOf(planArchive(join(dir.path, "repo/data")));
  expect(Object.keys(members)).toEqual(["data", "data/b.pyc", "data/c"]);
});

test(".dstackignore has the last word wherever it lies, as with the stock client", async () => {
  using dir = tempDir();
  write(dir.path, {
    "repo/.git/HEAD": "ref",
    "repo/.gitignore": "*.parent\n",
    "repo/src/.gitignore": "*.own\n",
    "repo/src/.dstackignore": "!deep/back.x\n*.dst\n",
    "repo/src/deep/.gitignore": "*.x\n",
    ...Object.fromEntries(
      ["a.parent", "a.own", "a.txt", "a.dst", "deep/back.x", "deep/other.x", "deep/z.parent"].map((name) => [
        `repo/src/${name}`,
        "x",
      ]),
    ),
  });
  mkdirSync(join(dir.path, "repo/src/deep/inner"));
  const { members } = await membersOf(planArchive(join(dir.path, "repo/src")));
  // What it was recorded to send.
  expect(Object.keys(members)).toEqual([
    "src",
    "src/.dstackignore",
    "src/.gitignore",
    "src/a.txt",
    "src/deep",
    "src/deep/.gitignore",
    "src/deep/back.x",
    "src/deep/inner",
  ]);
});

test("largestText() looks into a folder that has nearly everything", () => {
  using dir = tempDir();
  write(dir.path, {
    "app/a": "x",
    "app/data/train/0": "x".repeat(5000),
    "app/data/train/1": "x".repeat(4000),
    "app/data/small": "x",
  });
  const { members } = planArchive(join(dir.path, "app"));
  expect(largestText(members)).toBe("The largest are app/data/train/0 (4.9KiB), app/data/train/1 (3.9KiB)");
});
