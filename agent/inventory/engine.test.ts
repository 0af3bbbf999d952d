import { describe, expect, test } from "bun:test";
import { chmodSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { findEngine } from "./engine.ts";

const { signal } = new AbortController();

/** Answers as an engine would, on a socket in `dir`. */
const serve = (dir: string, answer: () => Response) => {
  const path = join(dir, "docker.sock");
  const server = Bun.serve({ unix: path, fetch: (request) => answerTo(request, answer) });
  return { host: `unix://${path}`, [Symbol.dispose]: () => void server.stop(true) };
};
const answerTo = (request: Request, answer: () => Response) =>
  new URL(request.url).pathname === "/info" ? answer() : new Response(null, { status: 404 });

const INFO = {
  ServerVersion: "28.2.2",
  DockerRootDir: "/var/lib/docker",
  NCPU: 4,
  MemTotal: 8_000_000_000,
  OSType: "linux",
  Driver: "overlay2",
};

describe("findEngine()", () => {
  test("gives the engine's version, folder and size", async () => {
    using dir = tempDir();
    using server = serve(dir.path, () => Response.json(INFO, { headers: { "api-version": "1.40" } }));
    expect(await findEngine(server.host, signal)).toEqual({
      engine: { version: "28.2.2", rootDir: "/var/lib/docker", cpus: 4, memoryBytes: 8_000_000_000 },
    });
  });

  test.each([
    [
      "a broken engine",
      () => new Response("boom", { status: 500 }),
      "The Docker engine answers with status 500",
    ],
    ["something else", () => Response.json({ hello: "world" }), "What answers is not a Docker engine"],
    [
      "one of long ago",
      () => Response.json({ ...INFO, ServerVersion: "18.09.9" }, { headers: { "api-version": "1.39" } }),
      "The Docker engine is too old: version 18.09.9 has API 1.39; upgrade it to 19.03 (API 1.40) or newer",
    ],
    [
      "Windows",
      () => Response.json({ ...INFO, OSType: "windows" }),
      "The Docker engine runs windows containers",
    ],
  ])("says why not: %s", async (_name, answer, reason) => {
    using dir = tempDir();
    using server = serve(dir.path, answer);
    expect(await findEngine(server.host, signal)).toEqual({ reason });
  });

  test("says why not: no socket, nobody listening, no such address", async () => {
    using dir = tempDir();
    const path = join(dir.path, "docker.sock");
    expect(await findEngine(`unix://${path}`, signal)).toEqual({
      reason: `Docker is not installed or not running: there is no ${path}`,
    });
    writeFileSync(path, "");
    expect(await findEngine(`unix://${path}`, signal, 0)).toEqual({
      reason: `Docker is not running: nothing listens on ${path}`,
    });
    expect(await findEngine("nonsense", signal)).toEqual({
      reason: 'Cannot reach the Docker engine on nonsense: Cannot use "nonsense" as DOCKER_HOST',
    });
  });

  const asNobody =
    process.getuid?.() === 0 ? ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] : [];
  // Another user may not get at a checkout in a private folder.
  const canBeNobody =
    asNobody.length === 0 ||
    (Bun.which("setpriv") !== null && Bun.spawnSync([...asNobody, "test", "-r", import.meta.path]).success);
  test("waits for an engine that is being restarted", async () => {
    using dir = tempDir();
    using next = tempDir();
    const path = join(dir.path, "docker.sock");
    writeFileSync(path, "");
    const found = findEngine(`unix://${path}`, signal);
    using _server = serve(next.path, () => Response.json(INFO));
    renameSync(join(next.path, "docker.sock"), path);
    expect(await found).toMatchObject({ engine: { version: "28.2.2" } });
  });

  test.skipIf(!canBeNobody)("says why not: no permission [as another user]", async () => {
    using dir = tempDir();
    using server = serve(dir.path, () => Response.json(INFO));
    chmodSync(dir.path, 0o755);
    chmodSync(join(dir.path, "docker.sock"), 0);
    const script = join(dir.path, "ask.ts");
    const module = join(import.meta.dir, "engine.ts");
    writeFileSync(
      script,
      `import { findEngine } from ${JSON.stringify(module)};
console.log(JSON.stringify(await findEngine(${JSON.stringify(server.host)}, new AbortController().signal)));`,
    );
    const child = Bun.spawn([...asNobody, process.execPath, script], { stdout: "pipe", stderr: "pipe" });
    const [stdout, stderr] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
    ]);
    expect(stderr).toBe("");
    expect(JSON.parse(stdout)).toEqual({
      reason: `Permission denied on ${join(dir.path, "docker.sock")}: run the agent as root or as a member of the group "docker"`,
    });
  });
});
