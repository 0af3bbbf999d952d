import { describe, expect, test } from "bun:test";
import { statSync } from "node:fs";
import { join, resolve } from "node:path";
import { configPath, readProjects, saveProjects } from "../../cli/settings/configFile.ts";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { waitFor } from "../../shared/testing/waitFor.ts";

const MAIN = resolve(import.meta.dir, "../../cli/main.ts");

/** `dstack server` as a process of its own. */
const startServer = (home: string, ...args: string[]) => {
  const child = Bun.spawn([process.execPath, MAIN, "server", "--port", "0", ...args], {
    cwd: home,
    env: { HOME: home, PATH: process.env["PATH"] ?? "" },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  let out = "";
  const reading = (async () => {
    const decoder = new TextDecoder();
    for await (const part of child.stdout) out += decoder.decode(part, { stream: true });
  })();
  return {
    child,
    out: () => out,
    ready: () => waitFor("the join command", () => /sh -s -- --token \S+/.test(out), 15_000),
    finished: async () => {
      const code = await child.exited;
      await reading;
      return { code, out, err: await new Response(child.stderr).text() };
    },
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGKILL");
      await child.exited;
    },
  };
};

describe("dstack server", () => {
  test("says where it is, with which token and how hosts join; the client knows it; SIGTERM ends it cleanly", async () => {
    using home = tempDir();
    await using server = startServer(home.path);
    await server.ready();
    const [, token = ""] = /The admin token is (\S+)$/m.exec(server.out()) ?? [];
    const [, url = ""] = /The dstack server \S+ is running at (http:\S+)$/m.exec(server.out()) ?? [];
    expect(server.out()).toContain(`Configured the main project in ${configPath(home.path)}\n`);
    expect(server.out()).toContain(`  curl -fsSL ${url}/install.sh | sh -s -- --token `);
    expect(server.out()).toContain("Only this machine reaches the server at that address.");
    expect(await readProjects(home.path)).toEqual([{ name: "main", url, token, isDefault: true }]);
    expect(statSync(configPath(home.path)).mode & 0o777).toBe(0o600);
    expect((await fetch(`${url}/healthcheck`)).ok).toBe(true);
    server.child.kill("SIGTERM");
    const { code, out } = await server.finished();
    expect(out).toMatch(/INFO {5}Stopping\.\.\.\n$/);
    expect(code).toBe(0);
  }, 30_000);

  test("keeps the client's default project where nobody can be asked, and takes it over with -y", async () => {
    using home = tempDir();
    const other = { name: "main", url: "http://elsewhere.example", token: "t", isDefault: true };
    saveProjects(home.path, [other]);
    {
      await using server = startServer(home.path);
      await server.ready();
      expect(server.out()).toContain(`Update the main project in ${configPath(home.path)}? [y/n] (n): `);
      expect(await readProjects(home.path)).toEqual([other]);
      server.child.kill("SIGINT");
      expect((await server.finished()).code).toBe(0);
    }
    const args = ["--token", "token-of-my-own", "--dir", join(home.path, "second")];
    await using server = startServer(home.path, "-y", ...args, "--url", "https://dstack.example");
    await server.ready();
    expect(server.out()).not.toContain("Only this machine");
    expect(await readProjects(home.path)).toEqual([
      { name: "main", url: "https://dstack.example", token: "token-of-my-own", isDefault: true },
    ]);
  }, 30_000);

  test.each([
    [["-d", "-l", "info"], 2, /argument -l\/--log-level: not allowed with argument -d\/--debug/],
    [["-p", "many"], 2, /argument -p\/--port: invalid int value: 'many'/],
    [["--port", "99999"], 1, /DSTACK_SERVER_PORT=99999/],
    [["--token", "short"], 1, /DSTACK_SERVER_ADMIN_TOKEN=…/],
    [["--url", "ftp://x"], 1, /DSTACK_SERVER_URL=ftp:\/\/x/],
  ] as const)("refuses %j with exit code %d", async (args, code, message) => {
    using home = tempDir();
    await using server = startServer(home.path, ...args);
    const finished = await server.finished();
    expect(finished.out + finished.err).toMatch(message);
    expect(finished.code).toBe(code);
  });
});
