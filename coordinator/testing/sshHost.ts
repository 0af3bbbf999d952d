import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import ssh2, { type Connection, type ServerChannel } from "ssh2";
import { tempDir } from "../../shared/testing/tempDir.ts";
import type { Login } from "../hosts/target.ts";

/** OpenSSH's own, where it is installed. */
export const SFTP_SERVER = "/usr/lib/openssh/sftp-server";

export interface SshHost extends AsyncDisposable {
  port: number;
  /** The home of who logs in; what is in `bin` there is found before all else. */
  home: string;
  login(more?: Partial<Login>): Login;
  /** What was run there. */
  commands: string[];
  /** How many logins there have been. */
  logins(): number;
  /** Ends all connections at once, as a host does that loses its power. */
  cut(): void;
  /** From now on it shows another key. */
  changeHostKey(): Promise<void>;
  addProgram(name: string, script: string): void;
}

interface SshHostOptions {
  /** Instead of running commands: what is printed for all that came on a command's standard input. */
  answer?: (input: string) => Promise<string>;
  /** Whether whoever logs in may have it listen. */
  allowsListening?: boolean;
  /** The shell that commands are given to. */
  shell?: string;
  /** What it has instead of this machine's programs; `bin` of the home is before it. */
  path?: string;
}

const reply = (channel: ServerChannel, answer: (input: string) => Promise<string>) => {
  let input = "";
  channel.on("data", (bytes: Buffer) => {
    input += bytes.toString();
  });
  channel.on("end", () => {
    void answer(input).then((text) => {
      channel.write(text);
      channel.exit(0);
      channel.end();
    });
  });
};

/** One in 256 that ssh2 (1.17) makes cannot be read (agent/ssh/hostKey.ts). */
export const newKey = (): { private: string; public: string } => {
  for (;;) {
    const pair = ssh2.utils.generateKeyPairSync("ed25519");
    if (!(ssh2.utils.parseKey(pair.private) instanceof Error)) return pair;
  }
};

/** A host that can be logged in to by one key: an SSH server in this process, whose commands run here in a home of its own. */
export const openSshHost = async ({
  answer,
  allowsListening = true,
  shell = "/bin/sh",
  path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
}: SshHostOptions = {}): Promise<SshHost> => {
  const dir = tempDir();
  const home = join(dir.path, "home");
  const bin = join(home, "bin");
  mkdirSync(bin, { recursive: true });
  const clientKey = newKey();
  const accepted = ssh2.utils.parseKey(clientKey.public);
  if (accepted instanceof Error) throw accepted;
  const commands: string[] = [];
  const open = new Set<Connection>();
  const children = new Set<Bun.Subprocess>();
  let logins = 0;

  const run = (argv: string[], accept: () => ServerChannel) => {
    const channel = accept();
    const child = Bun.spawn(argv, {
      cwd: home,
      env: { HOME: home, PATH: `${bin}:${path}`, USER: "tester" },
      stdin: "pipe",
      stdout: "pipe",
      stderr: "pipe",
    });
    children.add(child);
    channel.on("data", (bytes: Buffer) => {
      child.stdin.write(bytes);
      void child.stdin.flush();
    });
    channel.on("end", () => void child.stdin.end());
    const pass = async (from: ReadableStream<Uint8Array>, to: { write(bytes: Uint8Array): unknown }) => {
      for await (const bytes of from) to.write(bytes);
    };
    void Promise.all([pass(child.stdout, channel), pass(child.stderr, channel.stderr), child.exited]).then(
      ([, , code]) => {
        children.delete(child);
        channel.exit(code);
        channel.end();
      },
    );
  };

  const serve = (connection: Connection) => {
    open.add(connection);
    connection.on("close", () => open.delete(connection));
    // A client that goes away in the middle is what some tests are about.
    connection.on("error", () => open.delete(connection));
    connection.on("authentication", (context) => {
      const isOurs = context.method === "publickey" && context.key.data.equals(accepted.getPublicSSH());
      if (!isOurs) return context.reject(["publickey"]);
      const isProven =
        !context.signature ||
        accepted.verify(context.blob ?? Buffer.alloc(0), context.signature, context.hashAlgo);
      if (isProven) context.accept();
      else context.reject();
    });
    connection.on("ready", () => {
      logins += 1;
      connection.on("session", (accept) => {
        const session = accept();
        session.on("exec", (acceptExec, _reject, { command }) => {
          commands.push(command);
          if (answer) return void reply(acceptExec(), answer);
          run([shell, "-c", command], acceptExec);
        });
        session.on("subsystem", (acceptSubsystem, reject, { name }) => {
          if (name === "sftp") run([SFTP_SERVER], acceptSubsystem);
          else reject();
        });
      });
      connection.on("request", (accept, reject, name, info) => {
        if (name !== "tcpip-forward" || !allowsListening) {
          reject?.();
          return;
        }
        const { bindAddr, bindPort } = info as { bindAddr: string; bindPort: number };
        const forwarder = createServer((socket) => {
          const { remoteAddress = "", remotePort = 0 } = socket;
          const own = (forwarder.address() as { port: number }).port;
          socket.on("error", () => socket.destroy());
          connection.forwardOut(bindAddr, own, remoteAddress, remotePort, (err, channel) => {
            if (err) {
              socket.destroy();
              return;
            }
            channel.on("error", () => socket.destroy());
            channel.on("close", () => socket.destroy());
            socket.pipe(channel).pipe(socket);
          });
        });
        forwarder.once("error", () => reject?.());
        forwarder.listen(bindPort, bindAddr, () => accept?.((forwarder.address() as { port: number }).port));
        connection.on("close", () => forwarder.close());
      });
      connection.on("tcpip", (accept, reject, { destIP, destPort }) => {
        const socket = connect(destPort, destIP);
        socket.once("error", () => reject());
        socket.once("connect", () => {
          const channel = accept();
          channel.on("error", () => socket.destroy());
          socket.removeAllListeners("error").on("error", () => channel.end());
          socket.pipe(channel).pipe(socket);
        });
      });
    });
  };

  const listen = (port: number) =>
    new Promise<InstanceType<typeof ssh2.Server>>((resolve) => {
      const made = new ssh2.Server({ hostKeys: [newKey().private] }, serve);
      made.listen(port, "127.0.0.1", () => resolve(made));
    });
  let server = await listen(0);
  const { port } = server.address() as { port: number };
  const cut = () => {
    for (const connection of open) connection.end();
    for (const child of children) child.kill("SIGKILL");
  };
  const close = () => {
    cut();
    return new Promise<void>((resolve) => server.close(() => resolve()));
  };
  return {
    port,
    home,
    commands,
    logins: () => logins,
    login: (more = {}) => ({
      hostname: "127.0.0.1",
      port,
      user: "tester",
      key: clientKey.private,
      knownKey: null,
      ...more,
    }),
    cut,
    changeHostKey: async () => {
      await close();
      server = await listen(port);
    },
    addProgram: (name, script) => {
      writeFileSync(join(bin, name), script);
      chmodSync(join(bin, name), 0o755);
    },
    [Symbol.asyncDispose]: async () => {
      await close();
      dir[Symbol.dispose]();
    },
  };
};
