import { afterAll, beforeAll, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { LossyPair } from "../../shared/testing/lossyPair.ts";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { WindowBudget } from "../../shared/tunnel/receiveWindow.ts";
import { connectIn } from "../native/netns.ts";
import type { JobNetwork } from "./dialPort.ts";
import { pipeToPort } from "./pipeToPort.ts";

let users = 0;
const use = () => {
  users += 1;
  return () => {
    users -= 1;
  };
};
const budget = new WindowBudget(16 * 1024 * 1024);
const { signal: ended } = new AbortController();
const here: JobNetwork = { isOwn: false, pid: async () => undefined };

/** Says everything back, and ends when the other side has. */
const servers: { port: number; stop(force: boolean): void }[] = [];
const listen = (hostname: string) => {
  const server = Bun.listen({
    hostname,
    port: 0,
    allowHalfOpen: true,
    socket: {
      data: (socket, bytes) => void socket.write(bytes),
      end: (socket) => void socket.shutdown(),
    },
  });
  servers.push(server);
  return server.port;
};
let port = 0;
beforeAll(() => {
  port = listen("127.0.0.1");
});
afterAll(() => {
  for (const server of servers) server.stop(true);
});

/** A stream to a port, over a link that delivers all the time; answers what came and how it ended. */
const talk = async (to: number, network: JobNetwork, said: string): Promise<string> => {
  const failed: unknown[] = [];
  const pair = new LossyPair({
    onStream: (incoming) =>
      void pipeToPort(incoming, { network, port: to, budget, use, ended }).catch((err: unknown) =>
        failed.push(err),
      ),
  });
  let heard = "";
  let over: string | undefined;
  const stream = pair.dialler.open("x");
  stream.handle({
    accepted: () => {
      stream.write(new TextEncoder().encode(said));
      stream.end();
    },
    data: (piece) => {
      heard += new TextDecoder().decode(piece);
    },
    credit: () => {},
    blocked: () => {},
    ended: () => {},
    closed: (failure) => {
      over = failure?.code ?? "ended";
    },
  });
  await waitFor("the end", () => {
    pair.settle();
    if (failed.length > 0) throw failed[0];
    return over !== undefined;
  });
  return `${heard} (${over})`;
};

test("what is written comes out of the port, and its end too", async () => {
  expect(await talk(port, here, "hello")).toBe("hello (ended)");
  await waitFor("nobody", () => users === 0);
});

test("a listener that is only there for IPv6 is found", async () => {
  expect(await talk(listen("::1"), here, "six")).toBe("six (ended)");
});

test("where nobody listens that is said", async () => {
  const server = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => {} } });
  const { port: free } = server;
  server.stop(true);
  expect(await talk(free, here, "")).toBe(" (refused)");
});

test("a job whose processes are gone has no ports", async () => {
  expect(await talk(port, { isOwn: true, pid: async () => undefined }, "")).toBe(" (refused)");
  expect(connectIn(2 ** 22, port)).toEqual([]);
});

test.skipIf(process.getuid?.() !== 0 || !Bun.which("unshare"))(
  "a port in a network of the job's own is not the host's of the same number",
  async () => {
    const serve = `
      const server = Bun.listen({ hostname: "127.0.0.1", port: ${port}, allowHalfOpen: true, socket: {
        data: (socket, bytes) => socket.write("inside: " + bytes), end: (socket) => socket.shutdown() } });
      console.log(server.port);`;
    const script = 'ip link set lo up && exec "$0" -e "$1"';
    const child = Bun.spawn(["unshare", "--net", "sh", "-c", script, process.execPath, serve], {
      stdout: "pipe",
      stderr: "inherit",
    });
    await child.stdout.getReader().read();
    expect(await talk(port, { isOwn: true, pid: async () => child.pid }, "hello")).toBe(
      "inside: hello (ended)",
    );
    expect(await talk(port, here, "hello")).toBe("hello (ended)");
    child.kill();
    await child.exited;
  },
);

test("who is gone before the port has answered leaves no connection behind", async () => {
  const descriptors = () => readdirSync("/proc/self/fd").length;
  const before = descriptors();
  const dials: Promise<void>[] = [];
  const pair = new LossyPair({
    onStream: (incoming) => {
      const { promise, resolve } = Promise.withResolvers<number>();
      const network = { isOwn: true, pid: () => promise };
      dials.push(pipeToPort(incoming, { network, port, budget, use, ended }));
      incoming.stream.abort({ code: "aborted", message: "gone" });
      resolve(process.pid);
    },
  });
  for (let count = 0; count < 50; count += 1) {
    pair.dialler.open("x");
    pair.settle();
  }
  expect(dials).toHaveLength(50);
  await Promise.all(dials);
  // What listens here has the other ends.
  await waitFor("the ends", () => descriptors() <= before);
});
