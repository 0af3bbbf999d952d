import { connect, createServer, type Server, type Socket } from "node:net";
import { connect as connectTls, createServer as createTlsServer, type TLSSocket } from "node:tls";
import type { KeyedCertificate } from "../../../shared/tls/certificates.ts";

export interface ForwardProxyOptions {
  ip: string;
  /** `user:password` that it wants to see. */
  credentials: string;
}

/** The proxy of a company: the only way out, with a password, and one day it reads along. */
export interface ForwardProxy extends AsyncDisposable {
  /** With its password, as in HTTPS_PROXY. */
  url: string;
  /** Connections that it has let through so far. */
  passed(): number;
  /** Ends all connections that go through it. */
  cut(): void;
  /** From now on it answers TLS itself, with this certificate, and goes on to where that was to lead. */
  intercept(certificate: KeyedCertificate | undefined): Promise<void>;
}

/** HTTP's CONNECT (RFC 9110 §9.3.6) and nothing else. */
export const startForwardProxy = async ({ ip, credentials }: ForwardProxyOptions): Promise<ForwardProxy> => {
  const wanted = `Basic ${Buffer.from(credentials).toString("base64")}`;
  const open = new Set<Socket | TLSSocket>();
  const keep = <S extends Socket | TLSSocket>(socket: S): S => {
    open.add(socket);
    socket.on("close", () => open.delete(socket));
    return socket;
  };
  let reading: { server: Server; port: number } | undefined;
  let target = { host: "", port: 0 };
  let passed = 0;

  const server = createServer((client) => {
    keep(client);
    client.on("error", () => client.destroy());
    let head = Buffer.alloc(0);
    const onData = (bytes: Buffer) => {
      head = Buffer.concat([head, bytes]);
      const end = head.indexOf("\r\n\r\n");
      if (end < 0) return;
      client.off("data", onData);
      client.pause();
      const text = head.subarray(0, end).toString("latin1");
      const [, host = "", port = "0"] =
        /^CONNECT \[?([^\s\]]+?)\]?:(\d+) HTTP\/1\.[01]\r\n/.exec(`${text}\r\n`) ?? [];
      const [, shown] = /\r\nproxy-authorization: *([^\r\n]+)/i.exec(text) ?? [];
      if (host === "") return void client.end("HTTP/1.1 405 Method Not Allowed\r\ncontent-length: 0\r\n\r\n");
      if (shown !== wanted)
        return void client.end("HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n");
      target = { host, port: Number(port) };
      const upstream = keep(connect(reading ? { host: "127.0.0.1", port: reading.port } : target));
      upstream.on("connect", () => {
        passed += 1;
        client.write("HTTP/1.1 200 Connection Established\r\n\r\n");
        upstream.write(head.subarray(end + 4));
        join(client, upstream);
        client.resume();
      });
      upstream.on("error", () => client.end("HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n"));
    };
    client.on("data", onData);
  });
  const port = await listenOn(server, ip);
  const cut = () => {
    for (const socket of open) socket.destroy();
  };
  const stopReading = async () => {
    const { server: inner } = reading ?? {};
    reading = undefined;
    cut();
    if (inner) await closed(inner);
  };
  return {
    url: `http://${credentials}@${ip}:${port}`,
    passed: () => passed,
    cut,
    intercept: async (certificate) => {
      await stopReading();
      if (!certificate) return;
      const inner = createTlsServer(certificate, (client) => {
        keep(client);
        client.on("error", () => client.destroy());
        const upstream = keep(connectTls({ ...target, rejectUnauthorized: false }));
        upstream.on("error", () => client.destroy());
        upstream.on("secureConnect", () => join(client, upstream));
      });
      reading = { server: inner, port: await listenOn(inner, "127.0.0.1") };
    },
    [Symbol.asyncDispose]: async () => {
      await stopReading();
      await closed(server);
    },
  };
};

const join = (one: Socket, other: Socket): void => {
  one.pipe(other);
  other.pipe(one);
  one.on("close", () => other.destroy());
  other.on("close", () => one.destroy());
};

const listenOn = (server: Server, host: string): Promise<number> =>
  new Promise((resolve, reject) => {
    server.on("error", reject);
    server.listen(0, host, () => {
      const address = server.address();
      resolve(typeof address === "object" && address ? address.port : 0);
    });
  });

const closed = (server: Server): Promise<void> => new Promise((resolve) => server.close(() => resolve()));
