import { once } from "node:events";
import { createServer, type OutgoingHttpHeaders, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { delay } from "../../../shared/async/delay.ts";

/** A registry with one image of one layer, of which it sends one half, and the other one when it is told to. */
export interface SlowRegistry extends AsyncDisposable {
  /** `address:port/big:latest` */
  image: string;
  /** `address:port` */
  address: string;
  /** Sends the rest, of this pull and of all later ones. */
  release(): void;
}

const MANIFEST = "application/vnd.docker.distribution.manifest.v2+json";
const BLOCK = 512;

const digestOf = (bytes: Uint8Array): string =>
  `sha256:${new Bun.CryptoHasher("sha256").update(bytes).digest("hex")}`;

/** An archive of one file of random bytes, which cannot be made smaller. */
const archiveOf = (bytes: number): Uint8Array<ArrayBuffer> => {
  const header = Buffer.alloc(BLOCK);
  header.write("ballast", 0);
  header.write("0000644\0", 100);
  header.write("0000000\0", 108);
  header.write("0000000\0", 116);
  header.write(`${bytes.toString(8).padStart(11, "0")}\0`, 124);
  header.write("00000000000\0", 136);
  header.write("        ", 148);
  header.write("0", 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  const content = new Uint8Array(bytes);
  for (let at = 0; at < bytes; at += 65_536) crypto.getRandomValues(content.subarray(at, at + 65_536));
  return new Uint8Array(Buffer.concat([header, content, Buffer.alloc(2 * BLOCK)]));
};

const PIECE_BYTES = 256 * 1024;
const PIECE_MS = 10;

/** As over a line of 25 MB/s: an engine tells no news of what comes all at once. */
const drip = async (response: ServerResponse, bytes: Uint8Array): Promise<void> => {
  for (let at = 0; at < bytes.length && !response.writableEnded; at += PIECE_BYTES) {
    response.write(bytes.subarray(at, at + PIECE_BYTES));
    await delay(PIECE_MS);
  }
};

export const startSlowRegistry = async (ip: string, bytes: number): Promise<SlowRegistry> => {
  const files = archiveOf(bytes);
  const layer = Bun.gzipSync(files, { level: 1 });
  const config = Buffer.from(
    JSON.stringify({
      architecture: process.arch === "arm64" ? "arm64" : "amd64",
      os: "linux",
      config: { Cmd: ["/ballast"] },
      rootfs: { type: "layers", diff_ids: [digestOf(files)] },
      history: [{ created_by: "test" }],
    }),
  );
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: MANIFEST,
      config: {
        mediaType: "application/vnd.docker.container.image.v1+json",
        digest: digestOf(config),
        size: config.length,
      },
      layers: [
        {
          mediaType: "application/vnd.docker.image.rootfs.diff.tar.gzip",
          digest: digestOf(layer),
          size: layer.length,
        },
      ],
    }),
  );
  const released = Promise.withResolvers<void>();
  const half = Math.floor(layer.length / 2);
  // Not Bun.serve: it holds back what it is given for as long as the rest is not there.
  const server = createServer((request, response) => {
    const path = request.url ?? "";
    const send = (bytes: Uint8Array | string, headers: OutgoingHttpHeaders = {}) =>
      response
        .writeHead(200, { "content-length": bytes.length, ...headers })
        .end(request.method === "HEAD" ? undefined : bytes);
    if (path === "/v2/") send("{}");
    else if (path.startsWith("/v2/big/manifests/"))
      send(manifest, { "content-type": MANIFEST, "docker-content-digest": digestOf(manifest) });
    else if (path.endsWith(digestOf(config))) send(config);
    else if (path.endsWith(digestOf(layer))) {
      response.writeHead(200, { "content-length": layer.length });
      void drip(response, layer.subarray(0, half))
        .then(() => released.promise)
        .then(() => response.end(layer.subarray(half)));
    } else response.writeHead(404).end("{}");
  });
  server.listen(0, ip);
  await once(server, "listening");
  const address = `${ip}:${(server.address() as AddressInfo).port}`;
  return {
    image: `${address}/big:latest`,
    address,
    release: () => released.resolve(),
    [Symbol.asyncDispose]: async () => {
      released.resolve();
      server.closeAllConnections();
      server.close();
    },
  };
};
