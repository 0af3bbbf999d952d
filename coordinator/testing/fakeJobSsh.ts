import { spawn } from "node:child_process";
import { connect, createServer } from "node:net";
import ssh2, { type Connection } from "ssh2";
import { authenticate } from "../../shared/ssh/authenticate.ts";
import { newKeyPair } from "../../shared/ssh/hostKey.ts";
import type { IncomingStream } from "../../shared/tunnel/mux.ts";
import { WindowBudget } from "../../shared/tunnel/receiveWindow.ts";
import { StreamDuplex } from "../../shared/tunnel/streamDuplex.ts";

const budget = new WindowBudget(64 * 1024 * 1024);

/** What an agent is for a job, as far as the coordinator's SSH is concerned: commands of this machine, and its ports. */
export class FakeJobSsh implements Disposable {
  readonly #key = newKeyPair();
  /** What it says that its host key is. */
  hostKey = this.#key.public;
  readonly clients = new Set<Connection>();
  readonly #transports = new Set<StreamDuplex>();
  /** What came of requests of a session, in their order. */
  readonly heard: string[] = [];

  answer({ stream, accept }: IncomingStream, keys: readonly string[]): void {
    const transport = new StreamDuplex(stream, { budget });
    this.#transports.add(transport);
    transport.once("close", () => this.#transports.delete(transport)).on("error", () => {});
    const server = new ssh2.Server({ hostKeys: [this.#key.private] }, (client) => {
      this.clients.add(client);
      client.once("close", () => this.clients.delete(client)).on("error", () => {});
      authenticate(client, {
        keysOf: () => keys,
        failed: (err) => {
          throw err;
        },
      });
      this.#serve(client);
    });
    server.injectSocket(transport);
    accept({ host_key: this.hostKey });
  }

  /** The host is gone from one moment to the next. */
  vanish(): void {
    for (const transport of this.#transports) transport.destroy();
  }

  [Symbol.dispose](): void {
    this.vanish();
  }

  #serve(client: Connection): void {
    const { heard } = this;
    client.on("session", (accept) => {
      const session = accept();
      session.on("env", (taken, _refuse, { key, val }) => {
        heard.push(`env ${key}=${val}`);
        taken?.();
      });
      session.on("pty", (taken, _refuse, { term, cols, rows }) => {
        heard.push(`pty ${term} ${cols}x${rows}`);
        taken?.();
      });
      session.on("window-change", (_taken, _refuse, { cols, rows }) => heard.push(`window ${cols}x${rows}`));
      session.on("signal", (_taken, _refuse, { name }) => heard.push(`signal ${name}`));
      session.on("subsystem", (taken, _refuse, { name }) => {
        heard.push(`subsystem ${name}`);
        taken().end();
      });
      session.on("exec", (taken, _refuse, { command }) => {
        const channel = taken();
        const child = spawn("sh", ["-c", command], { stdio: "pipe" });
        channel.pipe(child.stdin);
        child.stdin.on("error", () => {});
        child.stdout.pipe(channel, { end: false });
        child.stderr.pipe(channel.stderr, { end: false });
        channel.once("close", () => child.kill("SIGKILL"));
        child.once("close", (code, signal) => {
          if (signal) channel.exit(signal.slice(3), false, "");
          else channel.exit(code ?? 0);
          channel.end();
        });
      });
    });
    client.on("tcpip", (accept, reject, { destPort }) => {
      const socket = connect(destPort, "127.0.0.1");
      socket.once("error", () => reject());
      socket.once("connect", () => {
        const channel = accept();
        socket.pipe(channel).pipe(socket);
        socket.on("error", () => channel.end());
      });
    });
    client.on("request", (accept, _reject, name, info) => {
      if (name !== "tcpip-forward") return accept?.();
      const { bindAddr } = info as { bindAddr: string };
      const listener = createServer((socket) =>
        client.forwardOut(bindAddr, portOf(listener), "127.0.0.1", 1, (err, channel) => {
          if (err) return void socket.destroy();
          socket.pipe(channel).pipe(socket);
        }),
      );
      listener.listen(0, "127.0.0.1", () => accept?.(portOf(listener)));
      client.once("close", () => listener.close());
    });
  }
}

const portOf = (server: ReturnType<typeof createServer>): number => {
  const address = server.address();
  return typeof address === "object" && address ? address.port : 0;
};
