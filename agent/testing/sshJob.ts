import { mkdirSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import ssh2 from "ssh2";
import { silentLogger } from "../../shared/log.ts";
import { newKeyPair } from "../../shared/ssh/hostKey.ts";
import { LossyPair } from "../../shared/testing/lossyPair.ts";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { waitFor } from "../../shared/testing/waitFor.ts";
import type { IncomingStream } from "../../shared/tunnel/mux.ts";
import { WindowBudget } from "../../shared/tunnel/receiveWindow.ts";
import { StreamDuplex } from "../../shared/tunnel/streamDuplex.ts";
import { openCgroups } from "../runtime/process/cgroups.ts";
import { createProcessRuntime } from "../runtime/process/processRuntime.ts";
import { Supervisors } from "../runtime/process/supervisors.ts";
import type { RunningJob } from "../runtime/runtime.ts";
import { answerSsh } from "../tunnel/answerSsh.ts";
import { anAssignment } from "./anAssignment.ts";

const budget = new WindowBudget(64 * 1024 * 1024);
const self = [process.execPath, join(import.meta.dir, "../main.ts")];

/** A job of the process runtime, its SSH server, and a TCP port from which each connection is a stream to it. */
export const startSshJob = async (overrides: Parameters<typeof anAssignment>[0] = {}) => {
  await using closing = new AsyncDisposableStack();
  const state = closing.use(tempDir());
  const supervisors = closing.use(
    new Supervisors({
      socketPath: join(state.path, "s"),
      command: [...self, "supervise"],
      log: silentLogger,
    }),
  );
  const runtime = createProcessRuntime({
    supervisors,
    cgroups: openCgroups({ root: "/", log: silentLogger }),
    host: {
      env: { PATH: "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin" },
      own: { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 },
      gpus: () => [],
    },
    self,
    log: silentLogger,
  });
  // Not the one of whoever runs the tests, whose start-up files may do anything.
  const env = { SHELL: "/bin/sh", ...overrides.env };
  const assignment = anAssignment({ argv: ["sleep", "600"], ...overrides, env });
  const dir = join(state.path, assignment.submission_id);
  mkdirSync(dir, { mode: 0o700 });
  const job = { assignment, dir, spoolPath: join(dir, "spool"), archives: [] };
  const grown = new Set<() => void>();
  const onOutput = () => {
    for (const listener of grown) listener();
  };
  const hooks = { signal: new AbortController().signal, onPulling: () => {}, onOutput };
  const running = await runtime.start(job, hooks);
  closing.defer(() => runtime.remove(assignment.submission_id, dir));
  const ssh = closing.use(await openSsh(running, { ...job, grown }));
  const kept = closing.move();
  return { ...ssh, dir, running, [Symbol.asyncDispose]: () => kept.disposeAsync() };
};

interface Place {
  dir: string;
  spoolPath: string;
  /** Called when the spool has grown. */
  grown: Set<() => void>;
}

/** The SSH server of a job that runs, with a TCP port from which each connection is a stream to it. */
export const openSsh = async (running: RunningJob, { dir, spoolPath, grown }: Place) => {
  await using closing = new AsyncDisposableStack();
  const over = new AbortController();
  void running.ended.then(() => over.abort("The job has ended"));
  const { account, shell } = running;
  if (!account) throw new Error("A job without an account");
  const output = {
    spoolPath,
    offsetAt: (at: number) => (at > Date.now() ? statSync(spoolPath).size : 0),
    onGrown: (listener: () => void) => {
      grown.add(listener);
      return () => grown.delete(listener);
    },
  };
  let users = 0;
  const use = () => {
    users += 1;
    return () => {
      users -= 1;
    };
  };
  const attached = { dir, account, shell, output, use, ended: over.signal };

  const user = newKeyPair();
  const keyPath = join(dir, "client_key");
  writeFileSync(keyPath, user.private, { mode: 0o600 });
  const request: { keys: string[]; user: string | null } = { keys: [user.public], user: null };
  const failures: unknown[] = [];
  const pair = new LossyPair({
    maxStreams: 1_000,
    onStream: (incoming) =>
      void answerSsh(incoming, { job: attached, ...request, budget, log: silentLogger }).catch((err) =>
        failures.push(err),
      ),
  });
  const pump = setInterval(() => pair.settle(), 1);
  closing.defer(() => clearInterval(pump));
  let hostKey = "";
  const open = () =>
    new StreamDuplex(pair.dialler.open("ssh"), {
      budget,
      accepted: (answer) => {
        hostKey = (answer as { host_key: string }).host_key;
      },
    });
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const stream = open();
    socket.on("error", () => stream.destroy());
    stream.on("error", () => socket.destroy());
    socket.pipe(stream).pipe(socket);
  });
  server.listen(0, "127.0.0.1");
  closing.defer(() => void server.close());
  const port = await waitFor("the port", () => {
    const address = server.address();
    return typeof address === "object" ? address?.port : undefined;
  });
  const options = [
    ["-i", keyPath, "-o", "IdentitiesOnly=yes", "-o", "StrictHostKeyChecking=no", "-o", "LogLevel=ERROR"],
    ["-F", "none", "-o", "UserKnownHostsFile=/dev/null"],
  ].flat();
  const exec = async (argv: string[], input = "") => {
    const child = Bun.spawn(argv, { stdin: Buffer.from(input), stdout: "pipe", stderr: "pipe" });
    const [stdout, stderr, code] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
      child.exited,
    ]);
    if (failures.length > 0) throw failures[0];
    return { stdout, stderr, code };
  };
  const kept = closing.move();
  return {
    port,
    options,
    keyPath,
    request,
    exec,
    pair,
    open,
    hostKey: () => hostKey,
    /** Answers a stream of another link. */
    answer: (incoming: IncomingStream, keys: readonly string[]) =>
      answerSsh(incoming, { job: attached, keys, user: null, budget, log: silentLogger }),
    /** How many things of users count as use of the job. */
    users: () => users,
    /** OpenSSH's client. */
    ssh: (args: string[], input?: string) =>
      exec(["ssh", ...options, "-p", String(port), "any@127.0.0.1", ...args], input),
    /** The same by somebody at a terminal, whom stty(1) has told so; what they see once they have typed `line`. */
    atTerminal: async (modes: string, line: string) => {
      let seen = "";
      const argv = ["ssh", ...options, "-p", String(port), "any@127.0.0.1"];
      const child = Bun.spawn(["sh", "-c", `stty ${modes}; exec "$@"`, "sh", ...argv], {
        env: { PATH: "/usr/local/bin:/usr/bin:/bin", TERM: "vt100" },
        terminal: {
          data: (_, bytes) => {
            seen += Buffer.from(bytes).toString();
          },
        },
      });
      await waitFor("the prompt", () => /[#$] $/.test(seen), 20_000);
      child.terminal?.write(`${line}\r`);
      await child.exited;
      child.terminal?.close();
      return seen;
    },
    /** The library's client, logged in. */
    connect: (more: Partial<ssh2.ConnectConfig> = {}) =>
      new Promise<ssh2.Client>((resolve, reject) => {
        const client = new ssh2.Client();
        client.once("ready", () => resolve(client)).once("error", reject);
        client.connect({ sock: open(), username: "any", privateKey: user.private, ...more });
      }),
    /** A shell on a terminal, and what it says. */
    shell: async (client: ssh2.Client, window: ssh2.PseudoTtyOptions) => {
      const channel = await new Promise<ssh2.ClientChannel>((resolve, reject) =>
        client.shell(window, (err, opened) => (err ? reject(err) : resolve(opened))),
      );
      return Object.assign(channel, { heard: listenTo(channel) });
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
};

/** What comes over a channel, as it comes. */
export const listenTo = (channel: ssh2.ClientChannel) => {
  const heard = { text: "", err: "", exit: undefined as unknown };
  channel.on("data", (bytes: Buffer) => {
    heard.text += bytes.toString();
  });
  channel.stderr.on("data", (bytes: Buffer) => {
    heard.err += bytes.toString();
  });
  channel.on("exit", (code: number | null, signal?: string) => {
    heard.exit = code ?? signal;
  });
  return heard;
};
