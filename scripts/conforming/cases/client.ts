import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { run } from "../../e2e/harness/program.ts";
import type { Case } from "../case.ts";
import { listFlags } from "../flags.ts";
import { askPython } from "../python.ts";
import type { Scene } from "../scene.ts";

const Helps = z.array(z.object({ code: z.number(), printed: z.string() }));
const TYPES = ["dev-environment", "task", "service", "fleet", "gateway", "volume", "preset"];

/** What the stock client would offer behind `line`, asked as a shell with its completion asks. */
const complete = async ({ bin, dir, env }: Scene, line: string): Promise<string[]> => {
  const file = join(dir, "offered");
  await run([join(bin, "dstack")], {
    cwd: dir,
    env: {
      ...env,
      _ARGCOMPLETE: "1",
      _ARGCOMPLETE_IFS: "\n",
      _ARGCOMPLETE_SUPPRESS_SPACE: "1",
      _ARGCOMPLETE_STDOUT_FILENAME: file,
      COMP_LINE: line,
      COMP_POINT: `${line.length}`,
    },
  });
  return (await Bun.file(file).text()).split("\n").map((word) => word.trim());
};

export const clientCases: Case[] = [
  {
    name: "version",
    expect: "the bare version; a release that cannot be asked for is no harm",
    covers: { "": ["--version"] },
    smoke: true,
    run: async ({ version, home, ok }) => {
      assert.equal((await ok(["--version"])).trim(), version);
      rmSync(join(home, ".cache/.dstack/cli/last_check"));
      // Nobody answers there.
      const env = { HTTPS_PROXY: "http://127.0.0.1:9", https_proxy: "http://127.0.0.1:9" };
      assert.match(await ok(["ps"], { env }), /^ NAME /m);
    },
  },
  {
    name: "help",
    expect: "every command tells its usage, exit 0; so does apply for each type",
    covers: { "*": ["--help"] },
    run: async (scene) => {
      const flags = await listFlags(join(scene.bin, "dstack"));
      const commands = Object.keys(flags).filter((command) => flags[command]?.includes("--help"));
      const asked = commands.map((command) => {
        const [first = "", type = ""] = command.split(" ");
        return first === "apply" && TYPES.includes(type)
          ? ["apply", "-h", type]
          : [...command.split(" ").filter(Boolean), "--help"];
      });
      const answers = Helps.parse(await askPython(scene, "ask_help.py", asked));
      for (const [at, args] of asked.entries()) {
        assert.equal(answers[at]?.code, 0, args.join(" "));
        assert.match(answers[at]?.printed ?? "", /usage: /i, args.join(" "));
      }
    },
  },
  {
    name: "completion",
    expect: "a script for bash and zsh; names of runs, fleets and secrets come from the server",
    covers: { completion: ["SHELL"] },
    run: async (scene) => {
      for (const shell of ["bash", "zsh"])
        assert.match(await scene.ok(["completion", shell]), /_ARGCOMPLETE/);
      await scene.ok(["apply", "-f", await scene.task(["true"]), "-y", "-d"]);
      await scene.ok(["secret", "set", "for-completion", "x"]);
      assert.ok((await complete(scene, "dstack logs ")).includes(scene.name));
      assert.ok((await complete(scene, "dstack fleet delete ")).includes("pool"));
      assert.ok((await complete(scene, "dstack secret get ")).includes("for-completion"));
    },
  },
  {
    name: "server-is-no-client",
    expect: "a client without the server says how to get it, exit 1",
    covers: {
      server: ["--host", "--port", "--debug", "--log-level", "--yes", "--no", "--token"],
    },
    run: async ({ fails }) => {
      const args = ["server", "--host", "127.0.0.1", "--port", "3000", "--token", "t"];
      for (const more of [
        ["-y", "--log-level", "INFO"],
        ["-n", "--debug"],
      ])
        assert.match(await fails([...args, ...more]), /pip install .*dstack\[server\]|server/);
    },
  },
  {
    name: "login",
    expect: "no provider is set up: said, exit 1",
    covers: { login: ["--url", "--provider", "--yes", "--no"] },
    run: async ({ stage, fails }) => {
      const { url } = stage.coordinator;
      const none = /No SSO providers configured on the server\./;
      assert.match(await fails(["login", "--url", url, "-n"]), none);
      assert.match(await fails(["login", "--url", url, "-p", "github", "-y"]), none);
    },
  },
  {
    name: "bad-usage",
    expect: "what a parser refuses: exit 2 on stderr; what no parser knows: Unrecognized arguments, exit 1",
    covers: { apply: ["--file"], ps: ["--last"] },
    run: async ({ stock, fails, task }) => {
      const refused = await stock(["ps", "-n", "many"]);
      assert.equal(refused.code, 2);
      assert.match(refused.stderr, /dstack ps: error: /);
      assert.match(await fails(["ps", "--gpu", "H100"]), /Unrecognized arguments: --gpu H100/);
      const file = await task(["true"]);
      assert.match(await fails(["apply", "-f", file, "-y", "--what"]), /Unrecognized arguments: --what/);
    },
  },
];
