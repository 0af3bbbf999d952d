/** `dstack attach` and this machine's OpenSSH, compiled and real, through everything that may happen to either end. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { freePort } from "./harness/freePort.ts";
import { type Program, run } from "./harness/program.ts";
import { cleanEnvironment } from "./harness/programs.ts";
import { describeWith } from "./harness/requirements.ts";
import { NEEDS, openSystem, type System } from "./harness/system.ts";

/** What the first line of a job's output tells of its port, as seen from here. */
const SAYS = "serving at http://0.0.0.0:8000/index.html";

for (const runtime of ["process", "docker"] as const) {
  describeWith([...NEEDS[runtime], "root"], `attached to a job, ${runtime} runtime`, () => {
    let system: System;
    let home: string;
    let port: number;
    let attachments = 0;

    beforeAll(async () => {
      system = await openSystem({ runtime });
      home = system.coordinator.home;
      port = await freePort();
      const commands = [
        "mkdir -p site && cd site && echo hello > index.html",
        `echo ${SAYS}`,
        "exec busybox httpd -f -p 127.0.0.1:8000",
      ];
      const input = system.task("site", commands, { ports: [`${port}:8000`] });
      const { client } = system.coordinator;
      await client.dstackOk(["apply", "-y", "-d", "-f", "-"], { input });
      await client.waitForRun("site", ({ status }) => status === "running");
    }, 120_000);
    afterAll(() => system[Symbol.asyncDispose]());

    const attach = (...args: string[]): Program =>
      system.coordinator.client.startDstack(["attach", "site", ...args], {
        logFile: join(system.dir, `attach-${attachments++}.log`),
      });
    const attached = async (...args: string[]): Promise<Program> => {
      const program = attach(...args);
      await program.waitForOutput(/Press Ctrl\+C to detach/);
      return program;
    };
    const exec = (argv: readonly string[], input = "") =>
      run(argv, { env: cleanEnvironment(home), cwd: home, input, timeoutMs: 60_000 });
    const withConfig = (program: string, ...args: string[]) => [
      program,
      "-F",
      join(home, ".ssh/config"),
      ...args,
    ];
    const ssh = (...args: string[]) => exec(withConfig("ssh", ...args));
    const hosts = () =>
      [...readFileSync(join(home, ".dstack/ssh/config"), "utf8").matchAll(/^Host (\S+)/gm)].map(
        ([, host]) => host,
      );
    const page = async (at = port): Promise<string> =>
      fetch(`http://127.0.0.1:${at}/index.html`, { keepalive: false }).then(
        (answer) => answer.text(),
        (err: unknown) => String(err),
      );
    const ended = async (program: Program): Promise<number> => {
      process.kill(program.pid, "SIGINT");
      return await program.exited;
    };

    test("ports, a name for ssh, and the end of both", async () => {
      const program = await attached();
      const shown = program.output().replace(/^Connected via (direct|relay)$/m, "Connected via WAY");
      expect(shown).toEndWith(
        [
          "Attached to run site (replica=0 job=0)",
          "Connected via WAY",
          "Forwarded ports (local -> remote):",
          `  - localhost:${port} -> 8000`,
          "To connect to the run via SSH, use `ssh site`.",
          "Press Ctrl+C to detach...",
          "",
        ].join("\n"),
      );
      expect(await page()).toBe("hello\n");
      expect(await ssh("site", "cat site/index.html || cat index.html; exit 3")).toMatchObject({
        stdout: "hello\n",
        code: 3,
      });
      expect(await ssh("root@site", "id -un")).toMatchObject({ stdout: "root\n", code: 0 });
      // Whoever else a host knows may not log in there; the image knows somebody who may.
      if (runtime === "docker") {
        const worker = await ssh("worker@site", "id -un; touch /tmp/theirs && stat -c %U /tmp/theirs");
        expect(worker).toMatchObject({ stdout: "worker\nworker\n", code: 0 });
      }
      const nobody = await ssh("nobody-by-this-name@site", "true");
      expect([`${nobody.stdout}${nobody.stderr}`, nobody.code]).toEqual([
        expect.stringContaining("nobody-by-this-name"),
        126,
      ]);
      const before = performance.now();
      expect(await ended(program)).toBe(0);
      // 200 ms where nothing else runs; a machine that is busy may take its time.
      expect(performance.now() - before).toBeLessThan(20_000);
      expect(program.output()).toEndWith("\nDetached\n");
      expect(hosts()).toEqual([]);
      expect(await page()).not.toBe("hello\n");
    }, 60_000);

    test("OpenSSH: files, ports in three ways, one connection for many sessions", async () => {
      const program = await attached();
      const content = "0123456789".repeat(500_000);
      const file = join(system.dir, "file");
      writeFileSync(file, content);
      const back = join(system.dir, "back");
      mkdirSync(back, { recursive: true });
      const copies: readonly (readonly [string[], string[], string])[] = [
        [withConfig("scp", file, "site:/tmp/scp"), withConfig("scp", "site:/tmp/scp", `${back}/scp`), ""],
        [
          withConfig("sftp", "-b", "-", "site"),
          withConfig("sftp", "site:/tmp/sftp", `${back}/sftp`),
          `put ${file} /tmp/sftp\n`,
        ],
      ];
      for (const [there, here, typed] of copies) {
        expect(await exec(there, typed)).toMatchObject({ code: 0 });
        expect(await exec(here)).toMatchObject({ code: 0 });
      }
      for (const name of ["scp", "sftp"])
        expect(readFileSync(join(back, name), "utf8") === content).toBe(true);

      const [local, socks, remote] = [await freePort(), await freePort(), await freePort()];
      await using here = Bun.serve({
        port: 0,
        hostname: "127.0.0.1",
        fetch: () => new Response("of this machine"),
      });
      const control = join(home, "control");
      const forwards = [
        "-L",
        `${local}:localhost:8000`,
        "-D",
        String(socks),
        "-R",
        `${remote}:127.0.0.1:${here.port}`,
      ];
      const master = Bun.spawn(
        withConfig("ssh", "-N", "-M", "-S", control, "-o", "ExitOnForwardFailure=yes", ...forwards, "site"),
        { env: cleanEnvironment(home), stdin: "ignore", stdout: "ignore", stderr: "ignore" },
      );
      try {
        await waitFor("the master", () => existsSync(control), 20_000);
        await waitFor("the forwarded port", async () => (await page(local)) === "hello\n", 20_000);
        const proxied = await exec([
          "curl",
          "-s",
          "--socks5-hostname",
          `127.0.0.1:${socks}`,
          "http://localhost:8000/index.html",
        ]);
        expect(proxied.stdout).toBe("hello\n");
        const many = await Promise.all(
          Array.from({ length: 10 }, (_, n) =>
            exec(["ssh", "-F", "none", "-S", control, "site", `echo ${n}`]),
          ),
        );
        expect(many.map(({ stdout }) => stdout)).toEqual(many.map((_, n) => `${n}\n`));
        expect((await ssh("site", `busybox wget -q -O - http://127.0.0.1:${remote}/`)).stdout).toBe(
          "of this machine",
        );
      } finally {
        await exec(["ssh", "-F", "none", "-S", control, "-O", "exit", "site"]);
        await master.exited;
      }
      expect(await ended(program)).toBe(0);
    }, 120_000);

    test("its output, with URLs as they are here, from a time on", async () => {
      const program = attach("--logs");
      await program.waitForOutput(new RegExp(`serving at http://127\\.0\\.0\\.1:${port}/index\\.html`));
      expect(await ended(program)).toBe(0);
      const later = attach("--logs", "--since", "2099-01-01T00:00:00Z");
      await later.waitForOutput(/Press Ctrl\+C to detach/);
      expect(await ended(later)).toBe(0);
      expect(later.output()).not.toContain("serving at");
    }, 60_000);

    test("SIGTERM takes the name away, kill -9 leaves it to whoever comes next", async () => {
      const terminated = await attached();
      process.kill(terminated.pid, "SIGTERM");
      expect(await terminated.exited).toBe(143);
      expect(hosts()).toEqual([]);
      const killed = await attached();
      await killed.kill9();
      expect(hosts()).toEqual(["site"]);
      // OpenSSH needs nobody attached as long as the name is there.
      expect((await ssh("site", "echo here")).stdout).toBe("here\n");
      const [first, second] = [await attached(), await attached("-p", `${await freePort()}:8000`)];
      expect(hosts()).toEqual(["site", "site"]);
      expect(await ended(first)).toBe(0);
      expect(hosts()).toEqual(["site"]);
      expect(await ended(second)).toBe(0);
    }, 90_000);

    test("a process that was stopped, as by a sleep, says so, connects again, and goes on", async () => {
      const program = await attached();
      program.freeze();
      const until = Date.now() + 8_000;
      await waitFor("a while", () => Date.now() > until, 20_000);
      program.thaw();
      await program.waitForOutput(
        /was asleep or changed its network, reconnecting\.\.\.\n(Connected via \w+\n)*Connected again\n/,
      );
      expect(await page()).toBe("hello\n");
      expect(await ended(program)).toBe(0);
    }, 60_000);

    test("a shell lives on while the host's network fails for some seconds, and no byte of it is lost", async () => {
      const program = await attached();
      const numbers = ssh("site", "i=0; while [ $i -lt 60 ]; do echo $i; i=$((i+1)); sleep 0.1; done");
      const until = Date.now() + 1_000;
      await waitFor("the shell", () => Date.now() > until, 10_000);
      await system.host?.cut();
      await waitFor("some seconds", () => Date.now() > until + 3_000, 20_000);
      await system.host?.mend();
      const { stdout, code } = await numbers;
      expect([code, stdout]).toEqual([0, Array.from({ length: 60 }, (_, n) => `${n}\n`).join("")]);
      expect(await ended(program)).toBe(0);
    }, 90_000);

    test("the coordinator starts again: that is said, and that all is back", async () => {
      const program = await attached();
      await system.coordinator.program.kill9();
      await program.waitForOutput(/Lost the connection to the server, reconnecting\.\.\.\n/);
      await system.coordinator.restart();
      await program.waitForOutput(/Connected again\n/, 60_000);
      await waitFor("the port", async () => (await page()) === "hello\n", 60_000);
      await waitFor("a shell", async () => (await ssh("site", "echo here")).stdout === "here\n", 60_000);
      expect(await ended(program)).toBe(0);
    }, 180_000);

    test("the agent is killed and starts again: ports and shells are there again, whoever is attached", async () => {
      const program = await attached();
      await system.agent.program.kill9();
      system.agent.restart();
      await waitFor("the port", async () => (await page()) === "hello\n", 90_000);
      await waitFor("a shell", async () => (await ssh("site", "echo here")).stdout === "here\n", 60_000);
      expect(program.isRunning()).toBe(true);
      expect(await ended(program)).toBe(0);
    }, 200_000);

    test("a port of the job that leads here", async () => {
      await using here = Bun.serve({
        port: 0,
        hostname: "127.0.0.1",
        fetch: () => new Response("of this machine"),
      });
      const remote = await freePort();
      const program = await attached("-R", `${remote}:127.0.0.1:${here.port}`);
      const { client } = system.coordinator;
      const asked = await client.dstackOk([
        "ssh",
        "site",
        "--",
        `busybox wget -q -O - http://127.0.0.1:${remote}/`,
      ]);
      expect(asked).toBe("of this machine");
      expect(await ended(program)).toBe(0);
    }, 60_000);

    test("dstack ssh: what is typed, both outputs, the exit code", async () => {
      const { client } = system.coordinator;
      const said = await client.dstack(["ssh", "site", "--", "cat; echo no >&2; exit 7"], {
        input: "typed\n",
      });
      expect(said).toEqual({ stdout: "typed\n", stderr: "no\n", code: 7 });
      const asked = await client.dstack(["ssh", "-l", "nobody-by-this-name", "site", "--", "true"]);
      expect(asked.code).toBe(126);
      if (runtime === "docker")
        expect(await client.dstackOk(["ssh", "-l", "worker", "site", "--", "id", "-un"])).toBe("worker\n");
    }, 30_000);

    test("a port of the job that leads here, for whoever applies it", async () => {
      await using here = Bun.serve({
        port: 0,
        hostname: "127.0.0.1",
        fetch: () => new Response("of this machine"),
      });
      const remote = await freePort();
      const ask = `until busybox wget -q -O - http://127.0.0.1:${remote}/ 2>/dev/null; do sleep 0.1; done`;
      const input = system.task("asks", [ask]);
      const args = ["apply", "-y", "--reverse", `${remote}:127.0.0.1:${here.port}`, "-f", "-"];
      const { client } = system.coordinator;
      const detached = await client.dstack([...args, "-d"], { input });
      expect([detached.code, detached.stderr]).toEqual([
        2,
        expect.stringContaining("not allowed with argument"),
      ]);
      expect(await client.dstackOk(["ps", "-a"])).not.toContain("asks");
      // There is one host.
      await client.dstackOk(["stop", "site", "-x", "-y"]);
      await client.waitForEnd("site");
      const { stdout, code } = await client.dstack(args, { input });
      expect([stdout, code]).toEqual([expect.stringContaining("of this machine"), 0]);
      expect(stdout).toContain(`  - localhost:${remote} -> 127.0.0.1:${here.port}\n`);
    }, 60_000);
  });
}
