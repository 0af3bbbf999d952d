import { expect, test } from "bun:test";
import { existsSync, readFileSync, readlinkSync, statSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { pack } from "tar-stream";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { StartError } from "../runtime/runtime.ts";
import { archiveGuard, unpackArchive } from "./archives.ts";

type Entry = {
  name: string;
  type?: "file" | "directory" | "symlink" | "link" | "fifo";
  linkname?: string;
  text?: string;
};

const unpack = async (dir: { path: string }, entries: Entry[]): Promise<string> => {
  const archive = join(dir.path, "archive.tar");
  const chunks: Buffer[] = [];
  const tar = pack();
  for (const { name, type = "file", linkname, text = "" } of entries)
    tar.entry({ name, type, mode: 0o750, ...(linkname === undefined ? {} : { linkname }) }, text);
  tar.finalize();
  for await (const chunk of tar) chunks.push(Buffer.from(chunk as Uint8Array));
  await Bun.write(archive, Buffer.concat(chunks));
  return unpackArchive(archive, join(dir.path, "out"), new AbortController().signal);
};

test("unpackArchive() unpacks files, folders and links with their modes", async () => {
  using dir = tempDir();
  const top = await unpack(dir, [
    { name: "app", type: "directory" },
    { name: "app/run.sh", text: "echo hi" },
    { name: "app/deep/er/x", text: "x" },
    { name: "app/link", type: "symlink", linkname: "/usr/bin/python3" },
    { name: "app/same", type: "link", linkname: "app/run.sh" },
  ]);
  expect(top).toBe(join(dir.path, "out/app"));
  expect(readFileSync(join(top, "run.sh"), "utf8")).toBe("echo hi");
  expect(statSync(join(top, "run.sh")).mode & 0o777).toBe(0o750);
  expect(readFileSync(join(top, "deep/er/x"), "utf8")).toBe("x");
  expect(readlinkSync(join(top, "link"))).toBe("/usr/bin/python3");
  expect(statSync(join(top, "same")).ino).toBe(statSync(join(top, "run.sh")).ino);
});

test.each<[string, Entry[]]>([
  ["leads out of it", [{ name: "../evil" }]],
  ["leads out of it", [{ name: "a/../../evil" }]],
  ["leads out of it", [{ name: "/etc/evil" }]],
  ["leads through a link", [{ name: "a/l", type: "symlink", linkname: "/tmp" }, { name: "a/l/evil" }]],
  ["leads through a link", [{ name: "a", type: "symlink", linkname: "/tmp" }, { name: "a/evil" }]],
  [
    "leads through a link",
    [
      { name: "a/l", type: "symlink", linkname: "/tmp" },
      { name: "a/l", type: "directory" },
      { name: "a/l/evil" },
    ],
  ],
  ["leads out of it", [{ name: "a/l", type: "link", linkname: "../../etc/passwd" }]],
  [
    "is a hard link to a link",
    [
      { name: "a/l", type: "symlink", linkname: "/etc/passwd" },
      { name: "a/h", type: "link", linkname: "a/l" },
    ],
  ],
  ["is of the type fifo", [{ name: "a/f", type: "fifo" }]],
  ["one top entry", [{ name: "a/x" }, { name: "b/x" }]],
  ["Cannot unpack", [{ name: "a/x" }, { name: "a/x" }]],
  ["is empty", []],
])("unpackArchive() refuses what %s", async (why, entries) => {
  using dir = tempDir();
  const refused = await unpack(dir, entries).catch((err: unknown) => err);
  expect(refused).toBeInstanceOf(StartError);
  expect(refused).toMatchObject({ reason: "executor_error", message: expect.stringContaining(why) });
  expect(existsSync(join(dir.path, "evil"))).toBe(false);
});

test("archiveGuard() never lets an entry out of the folder or through a link", () => {
  const name = fc
    .array(fc.constantFrom("a", "b", "..", ".", "", "l"), { minLength: 1, maxLength: 5 })
    .map((parts) => parts.join("/"));
  const entry = fc.record({
    name,
    type: fc.constantFrom("file", "directory", "symlink", "link"),
    linkname: name,
  });
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 12 }), (entries) => {
      const place = archiveGuard();
      const links = new Set<string>();
      for (const one of entries) {
        let placed: ReturnType<typeof place>;
        try {
          placed = place(one);
        } catch (err) {
          expect(err).toBeInstanceOf(StartError);
          return;
        }
        if (!placed) continue;
        expect(join("/root", placed.path)).toStartWith("/root/");
        const parts = placed.path.split("/");
        for (let length = 1; length < parts.length; length++)
          expect(links.has(parts.slice(0, length).join("/"))).toBe(false);
        if (one.type === "symlink") links.add(placed.path);
      }
    }),
  );
});
