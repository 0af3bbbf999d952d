import { describe, expect, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { Assignment } from "../../../shared/protocol/assignment.ts";
import { tempDir } from "../../../shared/testing/tempDir.ts";
import type { RuntimeJob } from "../runtime.ts";
import { needsUser, preparePlace } from "./place.ts";

const ROOT = { uid: 0, gid: 0, home: "/root" };
const job = (assignment: Partial<Assignment> = {}, archives: RuntimeJob["archives"] = []): RuntimeJob => ({
  assignment: { mounts: [], archives: [], ...assignment } as unknown as Assignment,
  dir: "/nowhere",
  spoolPath: "/nowhere/spool",
  archives,
});
const IMAGE = { user: "", workingDir: "/app" };

describe("preparePlace()", () => {
  test.each([
    [null, "/app"],
    ["/work", "/work"],
    ["sub/dir", "/app/sub/dir"],
    ["../..", "/"],
    ["~", "/root"],
    ["~/x", "/root/x"],
  ])("working directory %p is %p", (working_dir, expected) => {
    expect(preparePlace(job({ working_dir }), IMAGE, ROOT).workingDir).toBe(expected);
  });

  test("homes of other users, and of users that nobody knows, are refused", () => {
    expect(() => preparePlace(job({ working_dir: "~bob/x" }), IMAGE, ROOT)).toThrow("homes of other users");
    expect(() => preparePlace(job({ working_dir: "~", user: "ghost" }), IMAGE)).toThrow('home of "ghost"');
  });

  test("the user's name: configured, the image's, root", () => {
    expect(preparePlace(job({ user: "worker:video" }), IMAGE).username).toBe("worker");
    expect(preparePlace(job(), { ...IMAGE, user: "app" }).username).toBe("app");
    expect(preparePlace(job(), IMAGE).username).toBe("root");
  });

  test("a missing mount source is made for everybody, an existing one is left alone", () => {
    using dir = tempDir();
    const [missing, present] = [join(dir.path, "a/b"), join(dir.path, "c")];
    mkdirSync(present);
    chmodSync(present, 0o750);
    preparePlace(job({ mounts: [missing, present].map((source) => ({ source, target: source })) }), IMAGE);
    expect([statSync(missing).mode & 0o777, statSync(present).mode & 0o777]).toEqual([0o777, 0o750]);
    writeFileSync(join(dir.path, "file"), "");
    const inFile = { source: join(dir.path, "file/x"), target: "/x" };
    expect(() => preparePlace(job({ mounts: [inFile] }), IMAGE)).toThrow(
      `Cannot create "${inFile.source}" on the host`,
    );
  });

  test("what is to be known of the repository is said above the output", () => {
    const repo = { source: "/tree", target: "/repo", ifExists: "error" as const, homeFiles: [] };
    expect(preparePlace({ ...job(), repo }, IMAGE).notices).toEqual([]);
    expect(preparePlace({ ...job(), repo: { ...repo, notice: "Half of it" } }, IMAGE).notices).toEqual([
      "Half of it",
    ]);
  });

  test("uploaded files are mounted at their targets and belong to the job's user; links are not followed", () => {
    using dir = tempDir();
    const tree = join(dir.path, "tree");
    const outside = join(dir.path, "outside");
    mkdirSync(tree);
    writeFileSync(outside, "mine", { mode: 0o600 });
    writeFileSync(join(tree, "file"), "", { mode: 0o600 });
    symlinkSync(outside, join(tree, "link"));
    symlinkSync("/nowhere/at/all", join(tree, "dangling"));
    const user = { uid: 1234, gid: 1235, home: "/home/w" };
    const { mounts } = preparePlace(
      job({ user: "w" }, [
        { source: tree, target: "~/t" },
        { source: tree, target: "rel" },
      ]),
      IMAGE,
      user,
    );
    expect(mounts.map(({ target }) => target)).toEqual(["/home/w/t", "/app/rel"]);
    const file = statSync(join(tree, "file"));
    if (process.getuid?.() === 0) expect([file.uid, file.gid]).toEqual([1234, 1235]);
    else expect(file.mode & 0o777).toBe(0o666);
    expect(statSync(outside).mode & 0o777).toBe(0o600);
    expect(statSync(outside).uid).not.toBe(1234);
    expect([existsSync(outside), readFileSync(outside, "utf8")]).toEqual([true, "mine"]);
  });
});

test.each([
  [{}, [], false],
  [{ user: "worker" }, [], false],
  [{ working_dir: "~/x" }, [], true],
  [{ working_dir: "/x" }, [], false],
  [{ working_dir: "/x", user: "worker" }, [], true],
  [{}, ["/data"], false],
  [{ user: "0:0" }, ["/data"], false],
  [{ user: "worker" }, ["/data"], true],
  [{}, ["~/data"], true],
])("needsUser(%p, %p) is %p", (assignment, targets, expected) => {
  const archives = targets.map((target) => ({ source: "/nowhere", target }));
  expect(needsUser(job(assignment, archives), IMAGE)).toBe(expected);
});
