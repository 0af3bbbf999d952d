import { expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tempDir } from "../../../shared/testing/tempDir.ts";
import { anAssignment } from "../../testing/anAssignment.ts";
import { placeArchives } from "./placeArchives.ts";

const setUp = () => {
  const dir = tempDir();
  const [cwd, home] = [join(dir.path, "work"), join(dir.path, "home")];
  for (const path of [cwd, home, join(dir.path, "unpacked/code/deep")]) mkdirSync(path, { recursive: true });
  const source = join(dir.path, "unpacked/code");
  writeFileSync(join(source, "deep/a.txt"), "new");
  const user = { name: "me", uid: 0, gid: 0, home };
  return {
    ...dir,
    cwd,
    home,
    place: (target: string) =>
      placeArchives(
        { assignment: anAssignment(), dir: dir.path, spoolPath: "", archives: [{ source, target }] },
        user,
        cwd,
      ),
  };
};

test.each([
  ["sub/dir", "work/sub/dir/deep/a.txt"],
  [".", "work/deep/a.txt"],
  ["~", "home/deep/a.txt"],
  ["~/x", "home/x/deep/a.txt"],
])("files for %p come to %p", (target, path) => {
  using t = setUp();
  t.place(target);
  expect(readFileSync(join(t.path, path), "utf8")).toBe("new");
});

test("an absolute target, over a file of another kind", () => {
  using t = setUp();
  const target = join(t.path, "else/where");
  mkdirSync(join(t.path, "else"));
  writeFileSync(target, "a file");
  t.place(target);
  expect(readFileSync(join(target, "deep/a.txt"), "utf8")).toBe("new");
});

test("a folder that is there keeps what the archive does not have", () => {
  using t = setUp();
  mkdirSync(join(t.cwd, "mine/deep"), { recursive: true });
  for (const path of ["mine/own.txt", "mine/deep/own.txt"]) writeFileSync(join(t.cwd, path), "own");
  t.place("mine");
  expect(readFileSync(join(t.cwd, "mine/deep/a.txt"), "utf8")).toBe("new");
  for (const path of ["mine/own.txt", "mine/deep/own.txt"])
    expect(readFileSync(join(t.cwd, path), "utf8")).toBe("own");
});

test.each(["../out", "a/../../out", "~other/x"])("%p is refused", (target) => {
  using t = setUp();
  expect(() => t.place(target)).toThrow();
  expect(existsSync(join(t.path, "out"))).toBe(false);
});
