import { afterEach, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import ssh2 from "ssh2";
import { systemClock } from "../../shared/clock.ts";
import { silentLogger } from "../../shared/log.ts";
import { hostKeyIn, newKeyPair } from "../../shared/ssh/hostKey.ts";
import { LossyPair } from "../../shared/testing/lossyPair.ts";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { waitFor } from "../../shared/testing/waitFor.ts";
import type { TunnelStream } from "../../shared/tunnel/stream.ts";
import type { SshLogin } from "../domain/tunnels/findLogin.ts";
import { type Destination, StreamRefusal } from "../relay/holder.ts";
import { FakeJobSsh } from "../testing/fakeJobSsh.ts";
import { SshEndpoint } from "./sshEndpoint.ts";

// Programs are started, which takes as long as a busy machine likes.
setDefaultTimeout(60_000);

const SUBMISSION = "5d8a7d0a-3a6f-4b54-8f6e-3c3e6f0a1b2c";
const NAME = SUBMISSION.replaceAll("-", "");

/** The endpoint, with a job behind it that knows how to run commands, and OpenSSH's clients before it. */
class Lab implements Disposable {
  readonly dir = tempDir();
  readonly user = newKeyPair();
  readonly job = new FakeJobSsh();
  readonly asked: Destination[] = [];
  readonly streams: TunnelStream[] = [];
  hostIsThere = true;
  readonly #pair = new LossyPair({
    onStream: (incoming) => {
      const { to } = this.asked.at(-1)?.request ?? {};
      this.job.answer(incoming, to?.kind === "ssh" ? to.keys : []);
    },
  });
  readonly #pump = setInterval(() => this.#pair.settle(), 1);
  readonly endpoint = new SshEndpoint({
    hostKey: hostKeyIn(this.dir.path),
    clock: systemClock,
    log: silentLogger,
    findLogin: async (id) => (id === SUBMISSION ? this.login : undefined),
    holderOf: ({ login, address }) => ({
      userId: login.user.id,
      username: login.user.username,
      project: login.project,
      address,
      check: async () => {},
      find: () => Promise.reject(new Error("Nobody asks")),
      recheck: async () => "stays",
    }),
    relay: {
      open: async (_holder, destination) => {
        if (!this.hostIsThere) throw new StreamRefusal("unavailable", "The host is not connected");
        this.asked.push(destination);
        const stream = this.#pair.dialler.open(destination.request);
        this.streams.push(stream);
        return stream;
      },
    },
  });
  readonly #options: string[];

  constructor() {
    const [key, hosts] = [join(this.dir.path, "key"), join(this.dir.path, "known_hosts")];
    writeFileSync(key, this.user.private, { mode: 0o600 });
    this.#options = [
      ...["-F", "none", "-i", key, "-o", "IdentitiesOnly=yes", "-o", `UserKnownHostsFile=${hosts}`],
      ...["-o", "StrictHostKeyChecking=yes", "-o", "BatchMode=yes"],
    ];
  }

  async start(): Promise<void> {
    await this.endpoint.listen("127.0.0.1", 0);
    const line = `[127.0.0.1]:${this.port} ${this.endpoint.hostKey}\n`;
    writeFileSync(join(this.dir.path, "known_hosts"), line);
  }

  get port(): number {
    return this.endpoint.port ?? 0;
  }

  get login(): SshLogin {
    return {
      submissionId: SUBMISSION,
      instanceId: "host",
      jobName: "train-0-0",
      keys: [this.user.public],
      run: { id: "run", name: "train", project_id: "main" },
      project: { id: "main", name: "main" },
      user: { id: "ada", username: "ada" } as SshLogin["user"],
    };
  }

  async ssh(args: string[], { name = NAME, input = "" as string | Uint8Array, more = [] as string[] } = {}) {
    const argv = ["ssh", ...more, ...this.#options, "-p", String(this.port), `${name}@127.0.0.1`, ...args];
    const child = Bun.spawn(argv, { stdin: Buffer.from(input), stdout: "pipe", stderr: "pipe" });
    const [stdout, stderr, code] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
      child.exited,
    ]);
    return { stdout, stderr, code };
  }

  /** The library's client, logged in. */
  connect(more: Partial<ssh2.ConnectConfig> = {}): Promise<ssh2.Client> {
    return new Promise((resolve, reject) => {
      const client = new ssh2.Client();
      client.once("ready", () => resolve(client)).on("error", reject);
      const address = { host: "127.0.0.1", port: this.port, username: NAME };
      client.connect({ ...address, privateKey: this.user.private, ...more });
    });
  }

  [Symbol.dispose](): void {
    this.endpoint[Symbol.dispose]();
    this.job[Symbol.dispose]();
    clearInterval(this.#pump);
    this.dir[Symbol.dispose]();
  }
}

let lab: Lab;
beforeEach(async () => {
  lab = new Lab();
  await lab.start();
});
afterEach(() => lab[Symbol.dispose]());

const channelOf = (client: ssh2.Client, command: string) =>
  new Promise<ssh2.ClientChannel>((resolve, reject) =>
    client.exec(command, (err, channel) => (err ? reject(err) : resolve(channel))),
  );

test("commands: both outputs, exit codes, signals, and what is typed before the command is known", async () => {
  expect(await lab.ssh(["echo out; echo err >&2; exit 7"])).toEqual({
    stdout: "out\n",
    stderr: "err\n",
    code: 7,
  });
  const large = "x".repeat(3_000_000);
  expect((await lab.ssh(["wc -c"], { input: large })).stdout.trim()).toBe("3000000");
  expect((await lab.ssh(["head -c 3000000 /dev/zero"])).stdout).toHaveLength(3_000_000);
  expect((await lab.ssh(["kill -TERM $$"])).code).toBe(255);
  await waitFor("the ends", () => lab.endpoint.size === 0 && lab.job.clients.size === 0);
});

test("who asks for a Unix user asks the agent for that; none is the job's own", async () => {
  await lab.ssh(["true"]);
  await lab.ssh(["true"], { name: `${NAME}_root` });
  const users = lab.asked.map(({ instanceId, request: { submission_id, to } }) => [
    instanceId,
    submission_id,
    to.kind === "ssh" && to.user,
  ]);
  expect(users).toEqual([
    ["host", SUBMISSION, null],
    ["host", SUBMISSION, "root"],
  ]);
});

test("what belongs to a session passes through: environment, terminal, its size, signals, subsystems", async () => {
  const client = await lab.connect();
  const channel = await new Promise<ssh2.ClientChannel>((resolve, reject) =>
    client.exec("cat", { env: { LANG: "C" }, pty: { cols: 91, rows: 33, term: "vt100" } }, (err, opened) =>
      err ? reject(err) : resolve(opened),
    ),
  );
  channel.setWindow(44, 120, 0, 0);
  channel.signal("INT");
  client.subsys("sftp", (_err, subsystem) => subsystem.end());
  const all = ["pty vt100 91x33", "env LANG=C", "window 120x44", "signal INT", "subsystem sftp"];
  await waitFor("all of it", () => all.every((one) => lab.job.heard.includes(one)));
  client.end();
});

test("keys that are changed in the middle, again and again, cost nothing", async () => {
  const more = ["-o", "RekeyLimit=256K"];
  const { stdout } = await lab.ssh(["tee /dev/null"], { input: "y\n".repeat(1_000_000), more });
  expect(stdout === "y\n".repeat(1_000_000)).toBe(true);
});

test("ports both ways", async () => {
  const server = createServer((socket) => socket.end("from the job"));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  const { stdout } = await lab.ssh([], { more: ["-W", `localhost:${port}`] });
  expect(stdout).toBe("from the job");

  const client = await lab.connect();
  client.on("tcp connection", (_info, accept) => void accept().end("from the client"));
  const bound = await new Promise<number>((resolve, reject) =>
    client.forwardIn("127.0.0.1", 0, (err, given) => (err ? reject(err) : resolve(given))),
  );
  const heard = await new Promise<string>((resolve) => {
    connect(bound, "127.0.0.1").once("data", (bytes) => resolve(bytes.toString()));
  });
  expect(heard).toBe("from the client");
  client.end();
  server.close();
});

test("another key, no such job, no name at all: the same answer", async () => {
  const foreign = newKeyPair().private;
  const answers = await Promise.all(
    [NAME, "0".repeat(32), "root", `${NAME}_`, NAME.toUpperCase(), `${NAME}\nroot`].map((username) =>
      lab.connect({ username, privateKey: username === NAME ? foreign : lab.user.private }).then(
        () => "let in",
        (err: Error) => err.message,
      ),
    ),
  );
  expect(new Set(answers)).toEqual(new Set(["All configured authentication methods failed"]));
  expect(lab.asked).toEqual([]);
});

test("a host that cannot be reached, or is not the one that it says, is told before anybody is let in", async () => {
  lab.hostIsThere = false;
  const { stderr, code } = await lab.ssh(["true"]);
  expect([code, stderr]).toEqual([255, expect.stringContaining("The host is not connected")]);
  lab.hostIsThere = true;
  lab.job.hostKey = newKeyPair().public;
  expect((await lab.ssh(["true"])).code).toBe(255);
  await waitFor("the end", () => lab.job.clients.size === 0);
});

test("the job's end, and the host's, end the client; the client's end ends what it began", async () => {
  const begin = async () => {
    const client = await lab.connect();
    const closed = new Promise<void>((resolve) => client.once("close", () => resolve()));
    await channelOf(client, "sleep 600");
    return { client, closed };
  };
  const first = await begin();
  for (const one of lab.job.clients) one.end();
  await first.closed;
  const second = await begin();
  lab.job.vanish();
  await second.closed;
  const third = await begin();
  third.client.destroy();
  await waitFor("the end", () => lab.job.clients.size === 0 && lab.endpoint.size === 0);
});

test("whoever may not be there any more is out at once, and is told why", async () => {
  const waiting = lab.ssh([], { more: ["-N"] });
  await waitFor("the log-in", () => lab.endpoint.size === 1);
  lab.streams.at(-1)?.abort({ code: "aborted", message: "Access was revoked" });
  expect((await waiting).stderr).toContain("Access was revoked");
  await waitFor("the end", () => lab.job.clients.size === 0 && lab.endpoint.size === 0);
});

test("a client that does not read holds up the job, and not the coordinator's memory", async () => {
  const client = await lab.connect();
  const channel = await channelOf(client, "yes");
  await waitFor("the first of it", () => channel.readableLength > 0);
  const { _sock: socket } = client as unknown as { _sock: Socket };
  socket.pause();
  const before = process.memoryUsage().rss;
  let [last, quiet] = [-1, 0];
  await waitFor("no more of it", () => {
    const now = socket.bytesRead;
    quiet = now === last ? quiet + 1 : 0;
    last = now;
    return quiet > 20;
  });
  expect(process.memoryUsage().rss - before).toBeLessThan(200 * 1024 * 1024);
  client.destroy();
  await waitFor("the end", () => lab.job.clients.size === 0);
});

test("rubbish ends that connection alone", async () => {
  for (const rubbish of [
    Buffer.alloc(100_000, 0xff),
    Buffer.from("GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
    Buffer.concat([Buffer.from("SSH-2.0-me\r\n"), Buffer.alloc(300_000, 0xff)]),
    Buffer.concat([Buffer.from("SSH-2.0-me\r\n"), Buffer.from([0, 0, 0, 5, 4, 90, 0, 0, 0])]),
  ]) {
    const socket = connect(lab.port, "127.0.0.1");
    const over = new Promise<void>((resolve) => socket.once("close", () => resolve()));
    socket.on("error", () => {}).resume();
    socket.write(rubbish);
    await over;
  }
  expect((await lab.ssh(["echo well"])).stdout).toBe("well\n");
});

test("who connects and says nothing keeps nobody out", async () => {
  const silent = Array.from({ length: 60 }, () => connect(lab.port, "127.0.0.1").on("error", () => {}));
  await waitFor("all of them", () => silent.every((one) => !one.connecting));
  expect((await lab.ssh(["echo well"])).stdout).toBe("well\n");
  for (const one of silent) one.destroy();
});

test("what costs much before anybody is known is not to be had, nor what is weak", async () => {
  const refused = (algorithms: ssh2.Algorithms) =>
    lab.connect({ algorithms }).then(
      () => "let in",
      (err: Error) => err.message,
    );
  expect(await refused({ kex: ["diffie-hellman-group18-sha512"] })).toContain("no matching key exchange");
  expect(await refused({ kex: ["diffie-hellman-group-exchange-sha256"] })).toContain(
    "no matching key exchange",
  );
  expect(await refused({ cipher: ["aes128-ctr"], hmac: ["hmac-sha1"] })).toContain("no matching");
  expect(await refused({ kex: ["diffie-hellman-group14-sha256"] })).toBe("let in");
});

test("a key that was made for a proxy lets in to its job under any name, and to no other", async () => {
  const privateKey = lab.endpoint.issueKey(SUBMISSION);
  for (const username of ["root", NAME, `${NAME}_ada`]) (await lab.connect({ username, privateKey })).end();
  expect(lab.asked.map(({ request: { to } }) => to.kind === "ssh" && to.user)).toEqual(["root", null, "ada"]);
  const other = lab.endpoint.issueKey("00000000-0000-4000-8000-000000000000");
  for (const username of ["root", NAME])
    expect(lab.connect({ username, privateKey: other })).rejects.toThrow("authentication methods failed");
});
