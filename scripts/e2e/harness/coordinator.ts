import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { type Client, createClient } from "./client.ts";
import { freePort } from "./freePort.ts";
import { type Program, startProgram } from "./program.ts";
import { cleanEnvironment, DSTACK } from "./programs.ts";

export interface CoordinatorOptions {
  dir: string;
  /** The address that it listens at and that hosts use (default: loopback). */
  ip?: string;
  env?: Record<string, string>;
}

/** `dstack server` from the compiled program, in an empty folder, with a home of its own. */
export interface Coordinator extends AsyncDisposable {
  url: string;
  home: string;
  token: string;
  program: Program;
  /** The administrator's command line on this coordinator's machine, and the API with the same token. */
  client: Client;
  /** After `program.kill9()` or `program.stop()`: another process over the same state and address. */
  restart(): Promise<void>;
}

export const startCoordinator = async (options: CoordinatorOptions): Promise<Coordinator> => {
  const { dir, ip = "127.0.0.1", env = {} } = options;
  const [home, cwd] = [join(dir, "home"), join(dir, "empty")];
  for (const folder of [home, cwd]) mkdirSync(folder, { recursive: true });
  const [port, sshPort] = [await freePort(ip), await freePort(ip)];
  const hasTls = env["DSTACK_SERVER_TLS"] !== undefined || env["DSTACK_SERVER_TLS_CERT"] !== undefined;
  const url = `${hasTls ? "https" : "http"}://${ip}:${port}`;
  const start = async (): Promise<Program> => {
    const program = startProgram({
      name: "dstack server",
      command: [DSTACK, "server", "--host", ip, "--port", `${port}`, "--ssh-port", `${sshPort}`, "-y"],
      logFile: join(dir, "coordinator.log"),
      // Networks of the tests are theirs alone, and nothing is fetched from outside of them.
      env: {
        ...cleanEnvironment(home),
        DSTACK_SERVER_ALLOW_HTTP: "1",
        DSTACK_SERVER_IDE_DOWNLOADS: "0",
        ...env,
      },
      cwd,
    });
    // The two lines that scripts look for in the reference's output too (docs/spec/cli.md §3.1).
    await program.waitForOutput(/The dstack server \S+ is running at /);
    return program;
  };
  const program = await start();
  const [, token = ""] = await program.waitForOutput(/The admin token is (\S+)/);
  const coordinator: Coordinator = {
    url,
    home,
    token,
    program,
    client: createClient({ url, token, home, cwd }),
    restart: async () => {
      coordinator.program = await start();
    },
    [Symbol.asyncDispose]: async () => coordinator.program[Symbol.asyncDispose](),
  };
  return coordinator;
};
