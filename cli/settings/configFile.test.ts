import { describe, expect, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { tempDir } from "../../shared/testing/tempDir.ts";
import {
  configPath,
  type ProjectEntry,
  readProjects,
  saveProjects,
  withoutProject,
  withProject,
} from "./configFile.ts";

const entry = (name: string, isDefault = false): ProjectEntry => ({
  name,
  url: `http://${name}.example`,
  token: `token of ${name}`,
  isDefault,
});

const write = (home: string, text: string) => {
  mkdirSync(join(home, ".dstack"), { recursive: true });
  writeFileSync(configPath(home), text);
};

describe("readProjects()", () => {
  test("is empty without a file, and makes none", async () => {
    using home = tempDir();
    expect(await readProjects(home.path)).toEqual([]);
    expect(existsSync(join(home.path, ".dstack"))).toBe(false);
  });

  test("reads what the stock client writes, old keys included", async () => {
    using home = tempDir();
    write(
      home.path,
      "projects:\n- {name: a, url: 'http://a', token: 't', default: true}\n- {name: b, url: u, token: t, default: null}\nrepos: []\n",
    );
    expect(await readProjects(home.path)).toEqual([
      { name: "a", url: "http://a", token: "t", isDefault: true },
      { name: "b", url: "u", token: "t", isDefault: false },
    ]);
  });

  test("keeps a token of digits as it is written", async () => {
    using home = tempDir();
    write(home.path, "projects:\n- {name: 1.10, url: u, token: 007, default: true}\n");
    expect(await readProjects(home.path)).toEqual([
      { name: "1.10", url: "u", token: "007", isDefault: true },
    ]);
  });

  test.each([
    ["projects: {{{\n", /config\.yml is not a valid client configuration: .*at line 2, column 1/],
    ["projects:\n- {name: a}\n", /projects\[0\]\.url is missing/],
    ["projects:\n- {name: a, url: u, token: t, colour: red}\n", /unknown key "colour"/],
    ["other: 1\n", /unknown key "other"/],
    ["- a\n", /expected a mapping/],
    ["projects: 3\n", /projects is not a list/],
    ["projects:\n- {name: a, url: u, token: t}\n- {name: a, url: u, token: t}\n", /"a" stands in it twice/],
  ])("refuses %j", async (text, message) => {
    using home = tempDir();
    write(home.path, text);
    await expect(readProjects(home.path)).rejects.toThrow(message);
  });
});

describe("saveProjects()", () => {
  test("writes what both clients read, for the owner's eyes only", async () => {
    using home = tempDir();
    const projects = [entry("a", true), { ...entry("b"), token: '"quoted": yes # no' }];
    saveProjects(home.path, projects);
    expect(await readProjects(home.path)).toEqual(projects);
    expect(parse(await Bun.file(configPath(home.path)).text()).projects[0]).toEqual({
      default: true,
      name: "a",
      token: "token of a",
      url: "http://a.example",
    });
    expect(statSync(configPath(home.path)).mode & 0o777).toBe(0o600);
  });

  test("makes a file private that was not", () => {
    using home = tempDir();
    write(home.path, "projects: []\n");
    chmodSync(configPath(home.path), 0o644);
    saveProjects(home.path, []);
    expect(statSync(configPath(home.path)).mode & 0o777).toBe(0o600);
  });
});

test("withProject() makes the only entry, and a new default, the one default", () => {
  const [first] = withProject([], entry("a"));
  expect(first?.isDefault).toBe(true);
  const two = withProject([entry("a", true)], entry("b"));
  expect(two.map((each) => each.isDefault)).toEqual([true, false]);
  expect(withProject(two, entry("b", true)).map((each) => each.isDefault)).toEqual([false, true]);
  expect(withProject(two, entry("a")).map((each) => each.isDefault)).toEqual([true, false]);
});

test("withoutProject() makes the last one left the default", () => {
  expect(withoutProject([entry("a", true), entry("b")], "a")).toEqual([entry("b", true)]);
  expect(withoutProject([entry("a", true)], "x")).toEqual([entry("a", true)]);
});
