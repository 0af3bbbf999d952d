/** Unix sockets of the job and of the client, and the client's key agent, by OpenSSH's own client. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, mkdirSync } from "node:fs";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { startSshJob } from "../testing/sshJob.ts";

// Each connection to a Unix socket is a process that has to be started.
setDefaultTimeout(30_000);

let job: Awaited<ReturnType<typeof startSshJob>>;
let dir: string;
const undo = new AsyncDisposableStack();
beforeAll(async () => {
  job = undo.use(await startSshJob());
  // Paths of sockets are short.
  dir = join(job.dir, "s");
  mkdirSync(dir);
});
afterAll(() => undo.disposeAsync());

/** Says back how many bytes came, once there are no more, and then them. */
const serve = (path: string) => {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const heard: Buffer[] = [];
    socket.on("data", (bytes) => heard.push(bytes));
    socket.on("end", () => socket.end(Buffer.concat([Buffer.from("heard "), ...heard])));
    socket.on("error", () => {});
  });
  server.listen(path);
  undo.defer(() => void server.close());
};

const talk = (path: string, said: Uint8Array): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    const heard: Buffer[] = [];
    const socket = connect({ path, allowHalfOpen: true });
    socket.on("data", (bytes) => heard.push(bytes));
    socket.on("end", () => resolve(Buffer.concat(heard)));
    socket.on("error", reject);
    socket.end(said);
  });

/** Somebody listens: the file of a socket is there a moment sooner. */
const isServed = (path: string): Promise<boolean> =>
  talk(path, Buffer.from("?")).then(
    () => true,
    () => false,
  );

/** OpenSSH that forwards and runs nothing, until the returned one is disposed of. */
const forward = (args: string[]): AsyncDisposable => {
  const argv = ["ssh", ...job.options, "-o", "ExitOnForwardFailure=yes", "-N", "-p", String(job.port)];
  const child = Bun.spawn([...argv, ...args, "x@127.0.0.1"], { stdin: "ignore" });
  return {
    [Symbol.asyncDispose]: async () => {
      child.kill();
      await child.exited;
    },
  };
};

const LARGE = Buffer.alloc(400_000, "x");

test("a socket of the job, at the client", async () => {
  serve(join(dir, "job"));
  await using _ssh = forward(["-L", `${join(dir, "here")}:${join(dir, "job")}`]);
  await waitFor("the socket", () => isServed(join(dir, "here")));
  expect((await talk(join(dir, "here"), Buffer.from("hello"))).toString()).toBe("heard hello");
  const many = await Promise.all([1, 2, 3].map(() => talk(join(dir, "here"), LARGE)));
  expect(many.map(({ length }) => length)).toEqual(Array(3).fill(LARGE.length + "heard ".length));
  await waitFor("nobody", () => job.users() === 0);
});

test("where there is no socket nothing is opened, and nothing else is disturbed", async () => {
  await using _ssh = forward(["-L", `${join(dir, "none")}:${join(dir, "absent")}`]);
  await waitFor("the socket", () => existsSync(join(dir, "none")));
  const heard = await talk(join(dir, "none"), Buffer.from("x")).catch(() => Buffer.alloc(0));
  expect(heard.length).toBe(0);
  expect((await job.ssh(["echo well"])).stdout).toBe("well\n");
});

test("a socket of the client, in the job, as long as it is connected", async () => {
  serve(join(dir, "client"));
  const path = join(dir, "there");
  {
    await using _ssh = forward(["-R", `${path}:${join(dir, "client")}`]);
    await waitFor("the socket", () => isServed(path));
    const many = await Promise.all([1, 2, 3].map(() => talk(path, LARGE)));
    expect(many.map(({ length }) => length)).toEqual(Array(3).fill(LARGE.length + "heard ".length));
    expect((await talk(path, Buffer.from("again"))).toString()).toBe("heard again");
  }
  await waitFor("its end", () => !existsSync(path));
});

test("what is in the way of a socket stays, and the client is told", async () => {
  const path = join(dir, "taken");
  await Bun.write(path, "mine");
  const { code } = await job.exec([
    ...["ssh", ...job.options, "-o", "ExitOnForwardFailure=yes", "-p", String(job.port)],
    ...["-R", `${path}:${join(dir, "client")}`, "-N", "x@127.0.0.1"],
  ]);
  expect([code, await Bun.file(path).text()]).toEqual([255, "mine"]);
});

test("the client's key agent is there for its own sessions alone", async () => {
  const socket = join(dir, "keys");
  const agent = Bun.spawn(["ssh-agent", "-D", "-a", socket], { stdout: "ignore" });
  undo.defer(async () => {
    agent.kill();
    await agent.exited;
  });
  const env = { ...process.env, SSH_AUTH_SOCK: socket };
  // The file of its socket is there a moment before it listens.
  const add = () => Bun.spawnSync(["ssh-add", "-q", job.keyPath], { env, stderr: "ignore" }).success;
  await waitFor("the agent to have the key", add);
  const run = async (args: string[], command: string) => {
    const argv = ["ssh", ...job.options, "-p", String(job.port), ...args, "x@127.0.0.1", command];
    const child = Bun.spawn(argv, { env, stdin: "ignore", stdout: "pipe", stderr: "inherit" });
    return new Response(child.stdout).text();
  };
  const own = Bun.spawnSync(["ssh-add", "-L"], { env }).stdout.toString();
  expect(own).toStartWith("ssh-ed25519 ");
  expect(await run(["-A"], "ssh-add -L")).toBe(own);
  // It asks twice at the same time, and a second session has the same one.
  expect(await run(["-A"], "ssh-add -L & ssh-add -L; wait")).toBe(own + own);
  const path = (await run(["-A"], 'echo "$SSH_AUTH_SOCK"; stat -c %a "$(dirname "$SSH_AUTH_SOCK")"')).split(
    "\n",
  );
  expect([path[0], path[1]]).toEqual([expect.stringMatching(/^\/tmp\/ssh-\w+\/agent\.\d+$/), "700"]);
  await waitFor("its end", () => !existsSync(path[0] ?? ""));
  expect(await run(["-a"], 'echo "<$SSH_AUTH_SOCK>"')).toBe("<>\n");
});

test("no more sessions, once the client has said so", async () => {
  const client = await job.connect({ strictVendor: false });
  await new Promise<void>((resolve, reject) =>
    client.openssh_noMoreSessions((err?: Error | null) => (err ? reject(err) : resolve())),
  );
  const refused = await new Promise<string>((resolve) =>
    client.exec("true", (err) => resolve(err ? "refused" : "let in")),
  );
  expect(refused).toBe("refused");
  client.end();
});
