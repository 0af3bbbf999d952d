import { describe, expect, test } from "bun:test";
import { newPerson } from "../testing/runCli.ts";

/** Nobody is asked: what is wrong is found out before. */
const env = { DSTACK_SERVER_URL: "http://127.0.0.1:1", DSTACK_TOKEN: "t", DSTACK_PROJECT: "main" };

const FILES: Record<string, string> = {
  task: "type: task\ncommands: [echo]\n",
  service: "type: service\nport: 80\ncommands: [echo]\n",
  "dev-environment": "type: dev-environment\nide: vscode\n",
  fleet: "type: fleet\nname: f\nnodes: 1\n",
  volume: "type: volume\nname: v\nbackend: aws\nregion: r\nsize: 1GB\n",
};

describe("apply refuses what only other types take", () => {
  test.each([
    ["fleet", ["--gpu", "24GB", "--spot"], "--gpu 24GB --spot"],
    ["fleet", ["word"], "word"],
    ["volume", ["-e", "A=1", "-n", "other"], "--env A=1"],
    ["service", ["-p", "80"], "--port 80"],
    ["dev-environment", ["--", "a", "b"], "a b"],
  ])("of a %s: %j", async (type, argv, words) => {
    using person = newPerson({ env });
    await person.write("x.dstack.yml", FILES[type] ?? "");
    expect(await person.run(["apply", "-f", "x.dstack.yml", ...argv])).toEqual({
      code: 1,
      out: `Unrecognized arguments: ${words}\n`,
      err: "",
    });
  });

  test("variables of a fleet whose hosts are not reached by SSH", async () => {
    using person = newPerson({ env });
    await person.write("x.dstack.yml", FILES["fleet"] ?? "");
    const { code, out } = await person.run(["apply", "-f", "x.dstack.yml", "-e", "A=1"]);
    expect([code, out]).toEqual([1, "`env` is currently supported for SSH fleets only\n"]);
  });
});

describe("apply --help", () => {
  const helpOf = async (...topic: string[]) => {
    using person = newPerson();
    const { out } = await person.run(["apply", "--help", ...topic]);
    return out;
  };

  test("tells what all types take, and how to see the rest", async () => {
    const out = await helpOf();
    expect(out).toContain("--detach");
    expect(out).not.toContain("--gpu");
    expect(out).toContain('Run "dstack apply -h TYPE" for the options of a type: dev-environment, task,');
  });

  test("tells what a type takes beside that", async () => {
    const task = await helpOf("task");
    for (const word of ["--detach", "--gpu", "--port", "RUN_ARGS"]) expect(task).toContain(word);
    const fleet = await helpOf("fleet");
    for (const word of ["--detach", "--env", "--name"]) expect(fleet).toContain(word);
    for (const word of ["--gpu", "--port", "RUN_ARGS"]) expect(fleet).not.toContain(word);
  });

  test("knows its types", async () => {
    using person = newPerson();
    const { code, err } = await person.run(["apply", "-h", "tsak"]);
    expect(code).toBe(2);
    expect(err).toContain("argument -h/--help: invalid choice: 'tsak'");
  });
});
