/** Ports both ways, and the job's output on the port where stock clients look for it. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { createServer } from "node:net";
import type { ClientChannel } from "ssh2";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { startSshJob } from "../testing/sshJob.ts";

let job: Awaited<ReturnType<typeof startSshJob>>;
const sizes: number[] = [];
const echo = Bun.listen<undefined>({
  hostname: "127.0.0.1",
  port: 0,
  allowHalfOpen: true,
  socket: {
    open: () => {},
    data: (socket, bytes) => void socket.write(bytes),
    end: (socket) => void socket.shutdown(),
  },
});
const swallow = createServer({ allowHalfOpen: true }, (socket) => {
  let size = 0;
  socket.on("data", (bytes) => {
    size += bytes.length;
  });
  socket.on("end", () => {
    sizes.push(size);
    socket.end(Buffer.alloc(size, 1));
  });
});
beforeAll(async () => {
  swallow.listen(0, "127.0.0.1");
  const script = "echo one; echo two; while [ ! -e go ]; do sleep 0.02; done; echo three; exit 0";
  job = await startSshJob({ argv: ["sh", "-c", script] });
});
afterAll(async () => {
  await job[Symbol.asyncDispose]();
  echo.stop(true);
  swallow.close();
});

const through = async (host: string, port: number, said: Uint8Array): Promise<Buffer> => {
  const client = await job.connect();
  const channel = await new Promise<ClientChannel>((resolve, reject) =>
    client.forwardOut("127.0.0.1", 1, host, port, (err, opened) => (err ? reject(err) : resolve(opened))),
  ).catch((err: unknown) => {
    client.end();
    throw err;
  });
  channel.end(said);
  const heard: Buffer[] = [];
  for await (const bytes of channel) heard.push(bytes as Buffer);
  client.end();
  return Buffer.concat(heard);
};

const portOf = (server: ReturnType<typeof createServer>): number => {
  const address = server.address();
  return typeof address === "object" ? (address?.port ?? 0) : 0;
};

test("a port of the job, by any name of its own", async () => {
  for (const host of ["localhost", "127.0.0.1", "::1"])
    expect((await through(host, echo.port, Buffer.from("hello"))).toString()).toBe("hello");
});

test("an end is an end of one direction, and nothing is lost on the way", async () => {
  const to = `localhost:${portOf(swallow)}`;
  const argv = ["ssh", ...job.options, "-p", String(job.port), "-W", to, "x@127.0.0.1"];
  const { stdout } = await job.exec(argv, "x".repeat(8_000_000));
  expect([sizes.at(-1), stdout.length]).toEqual([8_000_000, 8_000_000]);
});

test("where nobody listens, and where the job's network is not, nothing is opened", async () => {
  const free = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => {} } });
  free.stop(true);
  const nothing = Buffer.alloc(0);
  expect(through("localhost", free.port, nothing)).rejects.toThrow("Channel open failure");
  for (const host of ["169.254.169.254", "10.0.0.1", "example.com"])
    expect(through(host, echo.port, nothing)).rejects.toThrow("Channel open failure");
});

test("OpenSSH's client forwards too", async () => {
  const argv = ["ssh", ...job.options, "-p", String(job.port), "-W", `localhost:${echo.port}`, "x@127.0.0.1"];
  expect(await job.exec(argv, "by stdin")).toMatchObject({ stdout: "by stdin", code: 0 });
});

test("a port of the client's is the job's, until it is taken back", async () => {
  const client = await job.connect();
  client.on("tcp connection", (_info, accept) => {
    const channel = accept();
    channel.pipe(channel);
  });
  const port = await new Promise<number>((resolve, reject) =>
    client.forwardIn("127.0.0.1", 0, (err, bound) => (err ? reject(err) : resolve(bound))),
  );
  let heard = "";
  const call = () =>
    Bun.connect({
      hostname: "127.0.0.1",
      port,
      socket: {
        open: (socket) => void socket.write("from the job"),
        data: (_socket, bytes) => {
          heard += bytes.toString();
        },
      },
    });
  const socket = await call();
  await waitFor("the answer", () => heard === "from the job");
  socket.end();
  await new Promise<void>((resolve, reject) =>
    client.unforwardIn("127.0.0.1", port, (err?: Error | null) => (err ? reject(err) : resolve())),
  );
  expect(call()).rejects.toThrow();
  client.end();
});

test("a port that somebody has is refused", async () => {
  const client = await job.connect();
  const taken = new Promise((resolve, reject) =>
    client.forwardIn("127.0.0.1", echo.port, (err, bound) => (err ? reject(err) : resolve(bound))),
  );
  expect(taken).rejects.toThrow();
  await taken.catch(() => {});
  client.end();
});

test("the job's output: from the start or later, as it comes, to its end", async () => {
  const local = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => {} } });
  local.stop(true);
  const ssh = Bun.spawn(
    [
      "ssh",
      ...job.options,
      "-N",
      "-p",
      String(job.port),
      "-L",
      `${local.port}:localhost:10999`,
      "x@127.0.0.1",
    ],
    { stdin: "ignore" },
  );
  const base = `http://127.0.0.1:${local.port}`;
  await waitFor(
    "the tunnel",
    async () => (await fetch(`${base}/other`).catch(() => undefined))?.status === 404,
  );
  const follow = (query: string) => {
    const heard = { text: "", code: 0 };
    const socket = new WebSocket(`ws://127.0.0.1:${local.port}/logs_ws${query}`);
    socket.binaryType = "arraybuffer";
    socket.onmessage = ({ data }) => {
      heard.text += new TextDecoder().decode(data as ArrayBuffer);
    };
    socket.onclose = ({ code }) => {
      heard.code = code;
    };
    socket.onopen = () => socket.ping("still there?");
    return heard;
  };
  const all = follow("");
  const late = follow(`?start_time=${new Date(Date.now() + 60_000).toISOString()}`);
  await waitFor("what there is", () => all.text === "one\r\ntwo\r\n");
  await Bun.write(`${job.dir}/work/go`, "");
  await waitFor("the end", () => all.code > 0 && late.code > 0);
  expect([all, late]).toEqual([
    { text: "one\r\ntwo\r\nthree\r\n", code: 1000 },
    { text: "three\r\n", code: 1000 },
  ]);
  ssh.kill();
  await ssh.exited;
});
