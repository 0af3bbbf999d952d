import assert from "node:assert/strict";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Case } from "../case.ts";
import { assertHas } from "../expect.ts";
import type { Scene } from "../scene.ts";
import { readTable } from "../table.ts";

const addition = ({ stage: { coordinator }, name }: Scene, token = coordinator.token): string[] => [
  ...["project", "add", "--name", name],
  ...["--url", coordinator.url, "--token", token],
];

const createProject = ({ api, name }: Scene) => api("/api/projects/create", { project_name: name });

const configOf = ({ home }: Scene): string => readFileSync(join(home, ".dstack/config.yml"), "utf8");

const COLUMNS = ["PROJECT", "URL", "DEFAULT"];
const VERBOSE = ["PROJECT", "URL", "USER", "DEFAULT"];

export const projectCases: Case[] = [
  {
    name: "project-add",
    expect: "the project is known afterwards, and is the default with -y",
    covers: { "project add": ["--name", "--url", "--token", "--yes"] },
    smoke: true,
    run: async (scene) => {
      await createProject(scene);
      assert.match(await scene.ok([...addition(scene), "-y"]), /Configuration updated at /);
      assertHas(readTable(await scene.ok(["project", "list"]), COLUMNS), [
        { PROJECT: "main", DEFAULT: "" },
        { PROJECT: scene.name, DEFAULT: "✓" },
      ]);
    },
  },
  {
    name: "project-add-n",
    expect: "-n saves the project and leaves the default; -v names the user of each token",
    covers: { "project add": ["--no"], "project list": ["--verbose"], project: ["--verbose"] },
    run: async (scene) => {
      await createProject(scene);
      await scene.ok([...addition(scene), "-n"]);
      for (const command of [["list"], []]) {
        assertHas(readTable(await scene.ok(["project", ...command, "-v"]), VERBOSE), [
          { PROJECT: "main", USER: "admin", DEFAULT: "✓" },
          { PROJECT: scene.name, USER: "admin", DEFAULT: "" },
        ]);
      }
    },
  },
  {
    name: "project-add-asks",
    expect: "without -y or -n it asks whether the project is to be the default",
    covers: { "project add": ["--name"] },
    run: async (scene) => {
      await createProject(scene);
      await using terminal = scene.terminal(addition(scene));
      await terminal.waitFor(/Set '.*' as your default project\?/);
      terminal.type("n\r");
      assert.equal(await terminal.ended(), 0);
      assert.match(configOf(scene), new RegExp(scene.name));
      assertHas(await scene.json(["ps", "--json"]), { project: "main" });
    },
  },
  {
    name: "project-add-refused",
    expect: "what the server does not know, a project or a token, is refused with 1 and nothing is saved",
    covers: { "project add": ["--name", "--token"] },
    run: async (scene) => {
      assert.match(await scene.fails([...addition(scene), "-y"]), /Status code 404 when requesting/);
      const denied = await scene.fails([...addition(scene, "wrong"), "-y"]);
      assert.match(denied, /Access to .* is denied\. Please check your access token/);
      assert.doesNotMatch(configOf(scene), new RegExp(scene.name));
    },
  },
  {
    name: "project-set-default",
    expect:
      "OK, and that project is meant from then on; an unknown one is refused with 1; a menu on a terminal",
    covers: { "project set-default": ["NAME"] },
    run: async (scene) => {
      await createProject(scene);
      await scene.ok([...addition(scene), "-n"]);
      assert.match(await scene.ok(["project", "set-default", scene.name]), /^OK$/m);
      assertHas(await scene.json(["ps", "--json"]), { project: scene.name });
      assert.match(await scene.fails(["project", "set-default", "absent"]), /Project 'absent' not found/);
      await using menu = scene.terminal(["project"]);
      await menu.waitFor(/Select the default project:/);
      menu.type("\r");
      assert.equal(await menu.ended(), 0);
    },
  },
  {
    name: "project-delete",
    expect: "asked first without -y; gone from the configuration, not from the server",
    covers: { "project delete": ["--name", "--yes"] },
    run: async (scene) => {
      await createProject(scene);
      await scene.ok([...addition(scene), "-n"]);
      const asked = await scene.stock(["project", "delete", "--name", scene.name], { input: "n\n" });
      assert.match(asked.stdout, /Are you sure you want to delete project '.*'\?/);
      assert.match(configOf(scene), new RegExp(scene.name));
      assert.match(await scene.ok(["project", "delete", "--name", scene.name, "-y"]), /^OK$/m);
      assert.doesNotMatch(configOf(scene), new RegExp(scene.name));
      assertHas(await scene.api(`/api/projects/${scene.name}/get`), { project_name: scene.name });
    },
  },
  {
    name: "project-by-environment",
    expect:
      "DSTACK_SERVER_URL, DSTACK_TOKEN and DSTACK_PROJECT need no configuration; --project goes before them",
    covers: { ps: ["--project"], fleet: ["--project"], offer: ["--project"] },
    run: async (scene) => {
      const { url, token } = scene.stage.coordinator;
      await createProject(scene);
      rmSync(join(scene.home, ".dstack/config.yml"));
      const env = { DSTACK_SERVER_URL: url, DSTACK_TOKEN: token };
      assert.match(await scene.fails(["ps"], { env }), /Set DSTACK_PROJECT or use --project/);
      const chosen = { ...env, DSTACK_PROJECT: scene.name };
      assertHas(await scene.json(["ps", "--json"], { env: chosen }), { project: scene.name, runs: [] });
      const args = ["offer", "--project", "main", "--json"];
      assertHas(await scene.json(args, { env: chosen }), { project: "main" });
      assert.match(await scene.ok(["fleet", "--project", "main"], { env: chosen }), /^ pool /m);
    },
  },
  {
    name: "server-away",
    expect: "Failed to connect … after three tries, exit 1; a wrong token: Access … is denied",
    covers: { ps: ["--project"] },
    run: async (scene) => {
      const env = { DSTACK_SERVER_URL: "http://127.0.0.1:9", DSTACK_TOKEN: "t", DSTACK_PROJECT: "main" };
      assert.match(await scene.fails(["ps"], { env }), /Failed to connect to dstack server/);
      const wrong = { DSTACK_TOKEN: "wrong" };
      assert.match(await scene.fails(["ps"], { env: wrong }), /Access to .* is denied/);
    },
  },
];
