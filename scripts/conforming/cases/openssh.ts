import assert from "node:assert/strict";
import { join } from "node:path";
import { waitFor } from "../../../shared/testing/waitFor.ts";
import { freePort } from "../../e2e/harness/freePort.ts";
import { run, startProgram } from "../../e2e/harness/program.ts";
import type { Case } from "../case.ts";
import type { Scene } from "../scene.ts";
import { openSite, PAGE, type Site } from "../site.ts";
import { openTerminal } from "../terminal.ts";

/** Does something while a stock client is attached to a site of this case. */
const whileAttached =
  (act: (scene: Scene, site: Site) => Promise<void>): Case["run"] =>
  async (scene) => {
    const site = await openSite(scene);
    const attached = scene.terminal(["attach", scene.name]);
    try {
      await attached.waitFor(/To connect to the run via SSH/, 60_000);
      await act(scene, site);
    } finally {
      await attached[Symbol.asyncDispose]();
    }
    await scene.ok(["stop", scene.name, "-x", "-y"]);
  };

const CONTENT = "0123456789abcdef\n".repeat(100_000);

/** What OpenSSH does by the alias that a stock client has written. */
export const opensshCases: Case[] = [
  {
    name: "openssh-shell",
    expect:
      "`ssh RUN` has a shell on a terminal with the modes of the user's, the job's environment and folder; its exit code is ssh's",
    covers: {},
    run: whileAttached(async ({ name, byAlias, home, terminal: _, dir, env }) => {
      const argv = ["ssh", "-tt", "-F", join(home, ".ssh/config"), name];
      const shell = Bun.spawn(argv, {
        cwd: dir,
        env: { ...env, TERM: "vt100" },
        stdin: "pipe",
        stdout: "pipe",
      });
      shell.stdin.write("echo name $DSTACK_RUN_NAME term $TERM; test -t 0 && exit 42\n");
      await shell.stdin.flush();
      const said = await new Response(shell.stdout).text();
      assert.match(said, new RegExp(`name ${name} term vt100`));
      assert.equal(await shell.exited, 42);
      const own = ["sh", "-c", 'stty intr ^B; exec ssh -F "$0" "$1"', join(home, ".ssh/config"), name];
      await using there = openTerminal(own, { cwd: dir, env });
      await there.waitFor(/[#$] $/);
      there.type("stty -a; exit 9\r");
      assert.equal(await there.ended(), 9);
      assert.match(there.text(), /rows 50; columns 160;[\s\S]*intr = \^B;/);
      const { stdout, stderr, code } = await byAlias(["ssh", name, "echo out; echo err >&2; exit 7"]);
      assert.deepEqual([stdout, stderr, code], ["out\n", "err\n", 7]);
    }),
  },
  {
    name: "openssh-files",
    expect: "scp, its older form, sftp and rsync copy to the job and back, whole",
    covers: {},
    run: whileAttached(async ({ name, byAlias, dir, write }) => {
      await write("there.txt", CONTENT);
      const same = async (file: string) =>
        assert.ok((await Bun.file(join(dir, file)).text()) === CONTENT, file);
      const ok = async (program: [string, ...string[]], input?: string) => {
        const { code, stderr } = await byAlias(program, input);
        assert.equal(code, 0, `${program.join(" ")}: ${stderr}`);
      };
      await ok(["scp", "-q", "there.txt", `${name}:copied.txt`]);
      await ok(["scp", "-q", `${name}:copied.txt`, "scp.txt"]);
      await ok(["scp", "-q", "-O", `${name}:copied.txt`, "old.txt"]);
      await ok(["sftp", "-q", "-b", "-", name], "put there.txt put.txt\nget put.txt sftp.txt\n");
      await ok(["rsync", "-a", "there.txt", `${name}:synced/`]);
      await ok(["rsync", "-a", `${name}:synced/there.txt`, "rsync.txt"]);
      for (const file of ["scp.txt", "old.txt", "sftp.txt", "rsync.txt"]) await same(file);
    }),
  },
  {
    name: "openssh-ports",
    expect: "`ssh -L`, `-R` and `-D` by the alias reach the job's ports, and give it one of the user's",
    covers: {},
    run: whileAttached(async ({ name, byAlias, home, dir, env }, { port }) => {
      const [local, socks, back] = [await freePort(), await freePort(), await freePort()];
      using server = Bun.serve({
        port: 0,
        hostname: "127.0.0.1",
        fetch: () => new Response("from the user"),
      });
      const ways = [
        "-L",
        `${local}:localhost:${port}`,
        "-D",
        `${socks}`,
        "-R",
        `${back}:127.0.0.1:${server.port}`,
      ];
      const options = ["-o", "ExitOnForwardFailure=yes", "-N"];
      await using _forwarding = startProgram({
        name: "ssh -L -R -D",
        command: ["ssh", "-F", join(home, ".ssh/config"), ...options, ...ways, name],
        logFile: join(dir, "forwarding.log"),
        env,
        cwd: dir,
      });
      const curl = async (...args: string[]) => (await run(["curl", "-s", ...args])).stdout;
      const page = (...args: string[]) =>
        waitFor("the page", async () => (await curl(...args)) === PAGE, 30_000);
      await page(`http://127.0.0.1:${local}/`);
      await page("--socks5-hostname", `127.0.0.1:${socks}`, `http://localhost:${port}/`);
      const ask = `python3 -c 'import urllib.request as u; print(u.urlopen("http://127.0.0.1:${back}/").read().decode())'`;
      assert.equal((await byAlias(["ssh", name, ask])).stdout, "from the user\n");
    }),
  },
];
