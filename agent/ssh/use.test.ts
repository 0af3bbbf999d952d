/** What of a connection counts as use of the job (docs/dev-environments.md, inactivity). */
import { afterAll, beforeAll, expect, test } from "bun:test";
import type { ClientChannel } from "ssh2";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { startSshJob } from "../testing/sshJob.ts";

let job: Awaited<ReturnType<typeof startSshJob>>;
const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => {} } });
beforeAll(async () => {
  job = await startSshJob();
});
afterAll(async () => {
  await job[Symbol.asyncDispose]();
  listener.stop(true);
});

const openPort = (client: Awaited<ReturnType<typeof job.connect>>, port: number) =>
  new Promise<ClientChannel>((resolve, reject) =>
    client.forwardOut("127.0.0.1", 1, "localhost", port, (err, channel) =>
      err ? reject(err) : resolve(channel),
    ),
  );

test("shells and ports are, until they end; a login and the job's output are not", async () => {
  const client = await job.connect();
  expect(job.users()).toBe(0);
  const output = await openPort(client, 10_999);
  expect(job.users()).toBe(0);
  const port = await openPort(client, listener.port);
  expect(job.users()).toBe(1);
  const shell = await job.shell(client, {});
  await waitFor("the shell", () => job.users() === 2);
  port.destroy();
  shell.end("exit\n");
  await waitFor("nobody", () => job.users() === 0);
  output.destroy();
  client.end();
});

test("a connection that breaks ends the use of all that it carried", async () => {
  const client = await job.connect();
  await job.shell(client, {});
  await openPort(client, listener.port);
  await waitFor("both", () => job.users() === 2);
  client.destroy();
  await waitFor("nobody", () => job.users() === 0);
});

test("what the job opens to the client is the job's own doing", async () => {
  const client = await job.connect();
  client.on("error", () => {}).on("tcp connection", (_info, accept) => void accept());
  const port = await new Promise<number>((resolve, reject) =>
    client.forwardIn("127.0.0.1", 0, (err, bound) => (err ? reject(err) : resolve(bound))),
  );
  const opened = Promise.withResolvers<void>();
  const socket = await Bun.connect({
    hostname: "127.0.0.1",
    port,
    socket: { data: () => {}, open: () => opened.resolve() },
  });
  await opened.promise;
  expect(job.users()).toBe(0);
  socket.end();
  client.end();
});
