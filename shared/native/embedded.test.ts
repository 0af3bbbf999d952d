import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { AppError } from "../errors.ts";
import { tempDir } from "../testing/tempDir.ts";
import { embedAlsoIn, loadEmbedded } from "./embedded.ts";

const before = process.env["TMPDIR"];
let dir: ReturnType<typeof tempDir>;
const at = (name: string) => join(dir.path, name);

beforeEach(() => {
  dir = tempDir();
});
afterEach(() => {
  if (before === undefined) delete process.env["TMPDIR"];
  else process.env["TMPDIR"] = before;
  dir[Symbol.dispose]();
});

/** No folder can be made below a file. */
const useTemporary = (name: "shut" | "open"): void => {
  if (name === "shut") writeFileSync(at(name), "");
  else mkdirSync(at(name));
  process.env["TMPDIR"] = at(name);
};

/** One of ours that is installed, packed as in a program. */
const packModule = async (): Promise<string> => {
  const found = [...new Bun.Glob("node_modules/@libsql/linux-*-gnu/index.node").scanSync()][0];
  if (found === undefined) throw new Error("libSQL's module for this machine is not installed");
  const file = at("packed");
  await Bun.write(file, Bun.zstdCompressSync(await Bun.file(found).bytes(), { level: 1 }));
  return file;
};

test.skipIf(process.platform !== "linux")("a module is loaded, and its file does not stay", async () => {
  useTemporary("open");
  embedAlsoIn(at("unused"));
  const file = await packModule();
  expect(loadEmbedded({ name: "libSQL", file })).toMatchObject({ databaseOpen: expect.any(Function) });
  expect(readdirSync(at("open"))).toEqual([]);
  expect(readdirSync(dir.path)).not.toContain("unused");
});

test.skipIf(process.platform !== "linux")("where the first folder does not do, the other does", async () => {
  useTemporary("shut");
  embedAlsoIn(at("server/new"));
  const file = await packModule();
  expect(loadEmbedded({ name: "libSQL", file })).toMatchObject({ databaseOpen: expect.any(Function) });
  expect(readdirSync(at("server/new"))).toEqual([]);
});

test("where none does, each is named with its reason, and nothing stays", async () => {
  useTemporary("shut");
  embedAlsoIn(at("server"));
  const file = at("packed");
  await Bun.write(file, Bun.zstdCompressSync(Buffer.from("no module at all")));
  const load = () => loadEmbedded({ name: "libSQL", file });
  expect(load).toThrow(AppError);
  for (const part of ["Cannot load libSQL", at("shut"), at("server"), "file too short"])
    expect(load).toThrow(part);
  expect(readdirSync(at("server"))).toEqual([]);
});
