import { describe, expect, test } from "bun:test";
import { VERSION } from "../shared/version.ts";
import { newPerson } from "./testing/runCli.ts";

describe("a command line", () => {
  test.each([
    [["--version"], 0, `${VERSION}\n`, ""],
    [["-v"], 0, `${VERSION}\n`, ""],
    [["project", "list", "--nope", "it's"], 1, `Unrecognized arguments: --nope 'it'"'"'s'\n`, ""],
    [["project", "list", "word"], 1, "Unrecognized arguments: word\n", ""],
    [["ps", "--all=1"], 2, "", /^usage: dstack ps [\s\S]*\ndstack ps: error: argument -a\/--all: ignored/],
    [
      ["nope"],
      2,
      "",
      /^usage: dstack \[-h\][\s\S]*\ndstack: error: argument COMMAND: invalid choice: 'nope' \(choose from 'apply'/,
    ],
    [["flet", "list"], 2, "", /^dstack: error: .*\nDid you mean 'fleet'\?\n$/m],
    [
      ["ps", "--verbos", "--wacth", "--no-idea"],
      1,
      "Unrecognized arguments: --wacth --no-idea\nDid you mean --watch?\n",
      "",
    ],
    [["fleet", "nope"], 2, "", /dstack fleet: error: argument COMMAND: invalid choice: 'nope'/],
    [["run", "get", "x"], 2, "", /dstack run get: error: the following arguments are required: --json/],
    [["run", "get", "--id", "x", "--json"], 1, "Invalid UUID format: x\n", ""],
    [["project", "add", "--name", "x"], 2, "", /the following arguments are required: --url, --token/],
    [["project", "set-default"], 2, "", /the following arguments are required: NAME/],
    [["project", "set-default", "x"], 1, "Project 'x' not found\n", ""],
    [["ps", "-w", "--json"], 1, "JSON output is not supported together with --watch\n", ""],
    [["offer", "--group-by", "region"], 1, "Cannot group by 'region' without also grouping by 'gpu'\n", ""],
    [["offer", "--gpu", "two:three"], 2, "", /argument --gpu: /],
    [["offer", "--spot", "--on-demand"], 2, "", /argument --on-demand: not allowed with argument --spot/],
    [["offer", "-b", "moon"], 2, "", /argument -b\/--backend: invalid choice: 'moon'/],
    [["fleet", "delete", "other/lab", "-y"], 1, /Cannot delete other\/lab/, ""],
    [["logs", "x", "--since", "soon"], 1, /^Invalid datetime format: soon\n/, ""],
    [
      ["logs", "x", "--since", "2026-01-01T00:00:00"],
      1,
      "Timestamp is not offset-aware. Specify timezone.\n",
      "",
    ],
    [["ps"], 1, /^No default project, specify project name\n/, ""],
    [["ps", "--project", "x"], 1, "Project x is not configured\n", ""],
    [["--project", "x", "ps"], 1, "Project x is not configured\n", ""],
  ] as const)("%j ends with %d", async (argv, code, out, err) => {
    using person = newPerson();
    const finished = await person.run(argv);
    if (typeof out === "string") expect(finished.out).toBe(out);
    else expect(finished.out).toMatch(out);
    if (typeof err === "string") expect(finished.err).toBe(err);
    else expect(finished.err).toMatch(err);
    expect(finished.code).toBe(code);
  });

  test("without a command shows the help", async () => {
    using person = newPerson();
    const { code, out } = await person.run([]);
    expect(out).toStartWith("usage: dstack [-h] [-v] COMMAND ...\n");
    expect(code).toBe(0);
  });

  test("hands options that stand before a subcommand on to it", async () => {
    using person = newPerson();
    expect((await person.run(["project", "-v", "list"])).out).toBe(" PROJECT  URL  USER  DEFAULT\n");
    expect((await person.run(["project", "-v"])).out).toBe(" PROJECT  URL  USER  DEFAULT\n");
    expect((await person.run(["project"])).out).toBe(" PROJECT  URL  DEFAULT\n");
  });
});

describe("which server is meant", () => {
  const env = (DSTACK_SERVER_URL?: string, DSTACK_TOKEN?: string) => ({
    ...(DSTACK_SERVER_URL && { DSTACK_SERVER_URL }),
    ...(DSTACK_TOKEN && { DSTACK_TOKEN }),
  });

  test.each([
    [
      env("http://127.0.0.1:1", "t"),
      /^DSTACK_SERVER_URL and DSTACK_TOKEN are set, but the project is not specified/,
    ],
    [env("http://127.0.0.1:1"), "DSTACK_SERVER_URL is set, but DSTACK_TOKEN is not set\n"],
    [env(undefined, "t"), /^No default project/],
  ])("%j", async (variables, out) => {
    using person = newPerson();
    const finished = await person.run(["ps"], { env: variables });
    if (typeof out === "string") expect(finished.out).toBe(out);
    else expect(finished.out).toMatch(out);
    expect(finished.code).toBe(1);
  });
});
