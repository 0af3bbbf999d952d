import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { newPerson } from "../../testing/runCli.ts";

const inFolder = async (files: Record<string, string>) => {
  const person = newPerson();
  for (const [name, text] of Object.entries(files)) await Bun.write(join(person.cwd, name), text);
  return person;
};

/** A service of 200 lines with a mistake in every fortieth. */
const longService = (): string => {
  const lines = ["type: service", "name: llm", "image: app", "port: 8000", "env:"];
  const mistakes: Record<number, string> = {
    40: "  - 1BAD=x",
    80: "comands: [x]",
    120: "max_duration: 2 hours",
    160: "spot_policy: on_demand",
    199: "resources: {gpu: 24G:x1}",
  };
  for (let line = lines.length + 1; line <= 200; line += 1) {
    lines.push(mistakes[line] ?? (line < 80 ? `  - NAME_${line}=${line}` : `# line ${line}`));
  }
  return `${lines.join("\n")}\n`;
};

describe("dstack config validate", () => {
  test("finds five mistakes in a service of 200 lines, each with its place", async () => {
    using person = await inFolder({ "llm.dstack.yml": longService() });
    const { code, out } = await person.run(["config", "validate", "llm.dstack.yml"]);
    expect(code).toBe(1);
    const [headline, ...lines] = out.trimEnd().split("\n");
    expect(headline).toBe("5 validation errors for llm.dstack.yml");
    expect(lines.filter((line) => line.startsWith("llm.dstack.yml:"))).toEqual([
      expect.stringMatching(/:40:5: env\[34\]: Expected NAME=VALUE/),
      expect.stringMatching(/:80:1: comands: Unknown property "comands": did you mean commands\?/),
      expect.stringMatching(/:120:15: max_duration: Cannot read "2 hours" as a duration/),
      expect.stringMatching(/:160:14: spot_policy: .* did you mean on-demand\?/),
      expect.stringMatching(/:199:18: resources.gpu.memory: Cannot read "24G" as a size/),
    ]);
    expect(lines).toContain(" 160 | spot_policy: on_demand");
    expect(lines).toContain("     |              ^^^^^^^^^");
  });

  test("finds one mistake in what is not YAML", async () => {
    using person = await inFolder({ "bad.yml": 'type: task\ncommands:\n  - "echo\n' });
    const { code, out } = await person.run(["config", "validate", "bad.yml"]);
    expect([code, out]).toEqual([
      1,
      expect.stringMatching(/^1 validation error for bad.yml\nbad.yml:\d+:\d+: /),
    ]);
  });

  test("checks several files, profiles too, and the default one", async () => {
    using person = await inFolder({
      ".dstack.yml": "type: task\ncommands: [x]\n",
      ".dstack/profiles.yml": "profiles: [{name: a}]\n",
    });
    const all = await person.run(["config", "validate", ".dstack.yml", ".dstack/profiles.yml", "absent.yml"]);
    expect(all.code).toBe(1);
    expect(all.out.split("\n")).toEqual([
      ".dstack.yml: valid (task)",
      ".dstack/profiles.yml: valid (profiles)",
      "Configuration file absent.yml does not exist",
      "",
    ]);
    expect(await person.run(["config", "validate"])).toMatchObject({
      code: 0,
      out: ".dstack.yml: valid (task)\n",
    });
  });

  test("tells programs with --json", async () => {
    using person = await inFolder({ "a.yml": "type: task\nnodes: 0\n", "b.yml": "type: dev-environment\n" });
    const { code, out } = await person.run(["config", "validate", "--json", "a.yml", "b.yml", "c.yml"]);
    expect(code).toBe(1);
    expect(JSON.parse(out)).toMatchObject({
      files: [
        {
          file: "a.yml",
          valid: false,
          problems: [
            { kind: "out_of_range", property: "nodes", path: ["nodes"], line: 2, column: 8, length: 1 },
          ],
        },
        { file: "b.yml", valid: true, type: "dev-environment", problems: [] },
        { file: "c.yml", valid: false, problems: [{ kind: "not_found", line: null }] },
      ],
    });
  });
});

describe("dstack config show", () => {
  const files = {
    "a.yml": "type: task\nname: train\ncommands: [x]\nresources:\n  memory: 16GB\n",
    ".dstack/profiles.yml": "profiles: [{name: cheap, default: true, max_price: 2, idle_duration: 1h}]\n",
  };

  test("says where each value comes from", async () => {
    using person = await inFolder(files);
    const { code, out } = await person.run([
      "config",
      "show",
      "a.yml",
      "--gpu",
      "H100:8",
      "--idle-duration",
      "2h",
    ]);
    expect(code).toBe(0);
    const rows = out.split("\n").map((line) => line.trim().split(/\s{2,}/));
    for (const row of [
      ["PROPERTY", "VALUE", "FROM"],
      ["name", "train", "a.yml:2"],
      ["resources.memory", "16GB", "a.yml:5"],
      ["resources.gpu", "H100:8", "flag"],
      ["resources.cpu", "2..", "default"],
      ["max_price", "2", "profile cheap"],
      ["idle_duration", "2h", "flag"],
    ]) {
      expect(rows).toContainEqual(row);
    }
    expect(rows.some(([property]) => property === "image")).toBe(false);
  });

  test("shows what is unset with --all, and everything with --json", async () => {
    using person = await inFolder(files);
    expect((await person.run(["config", "show", "-a", "--no-profile", "a.yml"])).out).toMatch(
      /^ image +- +default$/m,
    );
    const { out } = await person.run(["config", "show", "--json", "a.yml"]);
    const { values, ...head } = JSON.parse(out);
    expect(head).toEqual({ file: "a.yml", profile: "cheap" });
    expect(values).toContainEqual({
      property: "image",
      value: null,
      source: "default",
      line: null,
      column: null,
    });
    expect(values).toContainEqual({ property: "name", value: "train", source: "file", line: 2, column: 7 });
  });

  test("refuses what is wrong", async () => {
    using person = await inFolder({ "a.yml": "type: task\n" });
    const { code, out } = await person.run(["config", "show", "a.yml"]);
    expect([code, out]).toEqual([1, expect.stringContaining("Nothing to run")]);
  });
});
