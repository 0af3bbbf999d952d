/** Against sockets that answer as engines do; the real ones are in scripts/e2e. */
import { expect, test } from "bun:test";
import { createServer, type Socket } from "node:net";
import { join } from "node:path";
import { tempDir } from "../../../shared/testing/tempDir.ts";
import { openDocker } from "./client.ts";
import { hijack } from "./hijack.ts";

const serve = async (answer: (socket: Socket, request: string) => void) => {
  const dir = tempDir();
  const path = join(dir.path, "s");
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", (bytes) => answer(socket, bytes.toString()));
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const docker = await openDocker(`unix://${path}`);
  return {
    docker,
    [Symbol.asyncDispose]: async () => {
      await new Promise((resolve) => server.close(resolve));
      dir[Symbol.dispose]();
    },
  };
};
const UPGRADED = "HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\n";

test("what comes with the answer, and behind it, is the stream; what is written reaches the other side", async () => {
  await using engine = await serve((socket, request) => {
    const [line = ""] = request.split("\r\n");
    socket.write(`${UPGRADED}${line}\n`);
    socket.on("data", (bytes) => socket.end(`got ${bytes}`));
  });
  const stream = await hijack(engine.docker, "/containers/x/attach?stream=1");
  stream.write("keys");
  let seen = "";
  for await (const chunk of stream) seen += String(chunk);
  expect(seen).toBe("POST /containers/x/attach?stream=1 HTTP/1.1\ngot keys");
});

test("a refusal has the engine's status and words", async () => {
  await using engine = await serve((socket) =>
    socket.end('HTTP/1.1 404 Not Found\r\nContent-Length: 34\r\n\r\n{"message":"No such container: x"}\n'),
  );
  await expect(hijack(engine.docker, "/containers/x/attach")).rejects.toMatchObject({
    statusCode: 404,
    message: "No such container: x",
  });
});

test("an engine that hangs up, or is not there, is one to wait for", async () => {
  await using engine = await serve((socket) => socket.end());
  await expect(hijack(engine.docker, "/x")).rejects.toMatchObject({ code: "ECONNRESET" });
  const nobody = await openDocker("unix:///nowhere/docker.sock");
  await expect(hijack(nobody, "/x")).rejects.toMatchObject({ code: "ENOENT" });
});
