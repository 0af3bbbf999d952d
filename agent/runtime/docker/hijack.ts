import { createConnection, type Socket } from "node:net";
import type Docker from "dockerode";

/** Far above what engines answer; what is longer is none. */
const MAX_HEAD_BYTES = 64 * 1024;

/**
 * Asks the engine to turn the connection of a request into a stream of bytes (Docker Engine API, "Attach to a
 * container"). Not through dockerode: its request has a body, which Podman hands to the container as if somebody had
 * typed it. Rejects as dockerode does, with the `statusCode` of a refusal. With a `body` of its own (an exec), the
 * stream is ended in one direction at a time.
 */
export const hijack = async (docker: Pick<Docker, "modem">, path: string, body?: object): Promise<Socket> => {
  // dockerode's client knows where the engine is, its types do not say so.
  const { socketPath, host, port } = docker.modem as { socketPath?: string; host?: string; port?: number };
  const socket = socketPath
    ? createConnection({ path: socketPath, allowHalfOpen: body !== undefined })
    : createConnection({ host: host ?? "localhost", port: Number(port), allowHalfOpen: body !== undefined });
  try {
    const json = body === undefined ? "" : JSON.stringify(body);
    const head = [
      `POST ${path} HTTP/1.1`,
      "Host: docker\r\nConnection: Upgrade\r\nUpgrade: tcp",
      ...(body === undefined ? [] : ["Content-Type: application/json"]),
      `Content-Length: ${Buffer.byteLength(json)}`,
    ];
    socket.write(`${head.join("\r\n")}\r\n\r\n${json}`);
    const { head: answer, rest } = await readHead(socket);
    const status = Number(/^HTTP\/1\.\d (\d{3})/.exec(answer)?.[1] ?? 0);
    if (status !== 101 && status !== 200) throw await refusal(socket, status, rest);
    if (rest.length > 0) socket.unshift(rest);
    return socket;
  } catch (err) {
    socket.destroy();
    throw err;
  }
};

const readHead = (socket: Socket): Promise<{ head: string; rest: Buffer }> =>
  new Promise((resolve, reject) => {
    let bytes = Buffer.alloc(0);
    const done = (settle: () => void) => {
      socket.off("data", onData).off("error", onError).off("close", onClose);
      settle();
    };
    const onError = (err: Error) => done(() => reject(err));
    const onClose = () =>
      done(() => reject(Object.assign(new Error("The engine hung up"), { code: "ECONNRESET" })));
    const onData = (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk]);
      const end = bytes.indexOf("\r\n\r\n");
      if (end < 0 && bytes.length < MAX_HEAD_BYTES) return;
      // Not a byte of the stream may come before whoever reads it listens.
      socket.pause();
      done(() => resolve({ head: bytes.toString("latin1", 0, end), rest: bytes.subarray(end + 4) }));
    };
    socket.on("data", onData).on("error", onError).on("close", onClose);
  });

/** The engine closes after a refusal, or has told how long it is: either way what has come by then is all. */
const refusal = async (socket: Socket, statusCode: number, first: Buffer): Promise<Error> => {
  let body = first.toString();
  socket.resume();
  socket.end();
  for await (const chunk of socket) {
    body += String(chunk);
    if (body.endsWith("}\n")) break;
  }
  const said = /\{.*\}/s.exec(body)?.[0];
  const json = said === undefined ? undefined : (JSON.parse(said) as { message?: string });
  return Object.assign(new Error(json?.message ?? `The engine answered with status ${statusCode}`), {
    statusCode,
    json,
  });
};
