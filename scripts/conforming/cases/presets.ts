import assert from "node:assert/strict";
import type { Case } from "../case.ts";
import { CTRL_C } from "../terminal.ts";

const CREATION = [
  ...["--profile", "--no-profile", "--max-price", "--max-duration", "--backend", "--region"],
  ...["--instance-type", "--fleet", "--reuse", "--dont-destroy", "--idle-duration", "--spot", "--on-demand"],
  ...["--spot-auto", "--spot-policy", "--retry", "--no-retry", "--retry-duration", "--keep-service"],
  ...["--trials", "--previous", "--name"],
];
/** All of them, in as many commands as those that exclude each other need. */
const GROUPS = [
  ["--fleet", "pool", "--trials", "1", "--keep-service", "--max-price", "1", "--max-duration", "1h"],
  ["-b", "remote", "-r", "remote", "--instance-type", "instance", "--spot", "--reuse", "--retry"],
  ["--profile", "usual", "--on-demand", "--dont-destroy", "--no-retry"],
  ["--no-profile", "--spot-auto", "--idle-duration", "1h", "--retry-duration", "1h"],
  ["--spot-policy", "auto", "--previous", "deadbeef"],
];

export const presetCases: Case[] = [
  {
    name: "preset-list",
    expect: "presets are the client's own: none yet, as a table and as JSON; -w until Ctrl-C",
    covers: {
      preset: ["--verbose", "--watch", "--json", "--all", "--last", "--base", "--repo", "--project"],
      "preset list": ["--verbose", "--watch", "--json", "--all", "--last", "--base", "--repo"],
    },
    run: async ({ ok, json, terminal }) => {
      for (const command of [["preset"], ["preset", "list"]]) {
        assert.match(await ok([...command, "-v", "-a", "-n", "3", "--base", "m"]), /^ NAME +ID +BASE +/m);
        assert.deepEqual(await json([...command, "--json", "--repo", "r"]), { presets: [] });
        await using watching = terminal([...command, "-w"]);
        await watching.waitFor(/NAME +ID +BASE/);
        watching.type(CTRL_C);
        assert.equal(await watching.ended(), 0);
      }
      assert.match(await ok(["preset", "--project", "main"]), /^ NAME +ID +BASE/m);
    },
  },
  {
    name: "preset-absent",
    expect: "one that the client does not have: said, exit 1",
    covers: {
      "preset get": ["ID", "--json"],
      "preset logs": ["ID", "--follow", "--keep-service"],
      "preset stop": ["ID", "--yes"],
      "preset resume": ["ID", "--keep-service"],
      "preset export": ["ID", "--file", "--name", "--force"],
      "preset delete": ["ID", "--base", "--repo", "--yes"],
    },
    run: async ({ fails }) => {
      const absent = /Preset 'absent' does not exist|Unknown preset: absent|No presets found/;
      for (const args of [
        ["get", "absent", "--json"],
        ["logs", "absent", "-f", "--keep-service"],
        ["stop", "absent", "-y"],
        ["resume", "absent", "--keep-service"],
        ["export", "absent", "-f", "o.yml", "-n", "o", "--force"],
        ["delete", "absent", "-y"],
        ["delete", "--base", "absent", "-y"],
        ["delete", "--repo", "absent", "-y"],
      ])
        assert.match(await fails(["preset", ...args]), absent);
    },
  },
  {
    name: "preset-create",
    expect:
      "planned at our server with each flag; then the client misses the program that would make it, exit 1",
    covers: {
      "preset create": [...CREATION, "--file", "--yes"],
      "apply preset": CREATION,
    },
    later: "services",
    run: async ({ name, fails, write }) => {
      await write(".dstack/profiles.yml", { profiles: [{ name: "usual" }] });
      const limits = { trials: 1, max_ttft: 500, min_context_length: 4096, concurrency: 1 };
      const file = await write("p.dstack.yml", { type: "preset", base: "Qwen/Qwen3-8B", ...limits });
      for (const [at, group] of GROUPS.entries()) {
        const command = at % 2 === 0 ? ["apply"] : ["preset", "create"];
        const out = await fails([...command, "-f", file, "-y", "-n", `${name}-${at}`, ...group]);
        if (!group.includes("deadbeef")) assert.match(out, /^ Project +main *$/m);
        assert.match(out, /executable not found|does not exist|Unknown preset|[Nn]ot found/);
      }
    },
  },
  {
    name: "preset-debug",
    expect: "the same with --debug",
    covers: { "preset create": ["--debug"], "apply preset": ["--debug"] },
    versions: ["0.21.2"],
    later: "services",
    run: async ({ name, fails, write }) => {
      const limits = { trials: 1, max_ttft: 500, min_context_length: 4096, concurrency: 1 };
      const file = await write("p.dstack.yml", { type: "preset", base: "Qwen/Qwen3-8B", ...limits });
      for (const command of [["apply"], ["preset", "create"]]) {
        const out = await fails([...command, "-f", file, "-y", "-n", name, "--debug"]);
        assert.match(out, /executable not found/);
      }
    },
  },
  {
    name: "preset-registry",
    expect: "the client is told that this server has no registry, exit 1",
    covers: { "preset push": ["ID", "PROJECT/NAME"], "preset pull": ["PROJECT/NAME"] },
    versions: ["0.22.5"],
    run: async ({ fails }) => {
      const env = { DSTACK_NO_SKY_FALLBACK: "1" };
      assert.match(await fails(["preset", "pull", "main/absent"], { env }), /registry|preset/i);
      assert.match(
        await fails(["preset", "push", "absent", "main/absent"], { env }),
        /does not exist|registry/,
      );
    },
  },
];
