import { expect, test } from "bun:test";
import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import { systemClock } from "../clock.ts";
import { waitFor } from "../testing/waitFor.ts";
import { issueCertificate, makeAuthority } from "../tls/certificates.ts";
import { Dialler, type DialWay, tunnelUrl } from "./dialler.ts";

const HOUR_MS = 3_600_000;
const valid = { notBefore: Date.now() - HOUR_MS, notAfter: Date.now() + HOUR_MS };

/** What only counts connections that were made: what is said over them is the mux's own matter. */
const startServer = async () => {
  const authority = await makeAuthority("one", valid);
  let opened = 0;
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    tls: await issueCertificate(authority, { ...valid, names: ["pool.example", "127.0.0.1"] }),
    fetch: (request, self) => (self.upgrade(request) ? undefined : new Response("", { status: 400 })),
    websocket: {
      open: () => {
        opened += 1;
      },
      message: () => {},
    },
  });
  return {
    port: server.port ?? 0,
    authority: authority.cert,
    opened: () => opened,
    [Symbol.asyncDispose]: () => server.stop(true),
  };
};

/** An HTTP proxy that leads to the port, whatever name it is asked for. */
const startProxy = async (port: number) => {
  const asked: string[] = [];
  const server = createServer((client) => {
    client.once("data", (bytes) => {
      asked.push(bytes.toString().split("\r\n")[0] ?? "");
      const there = connect(port, "127.0.0.1", () => {
        client.write("HTTP/1.1 200 OK\r\n\r\n");
        client.pipe(there).pipe(client);
      });
      there.on("error", () => client.destroy());
    });
    client.on("error", () => client.destroy());
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port: own } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${own}`, asked, [Symbol.dispose]: () => void server.close() };
};

const dial = (url: string, way: DialWay): Dialler =>
  new Dialler({
    url: tunnelUrl(url, "/tunnel"),
    headers: () => ({}),
    way: () => way,
    clock: systemClock,
    resumeMs: 1_000,
    onStream: () => {},
    onClosed: () => {},
  });

test("the link goes through the proxy, to a coordinator with a certificate of its own", async () => {
  await using server = await startServer();
  using proxy = await startProxy(server.port);
  // A name that nobody here can look up: only the proxy knows where it is.
  using _dialler = dial("https://pool.example:9999", {
    tls: { ca: [server.authority] },
    proxy: proxy.url,
  });
  await waitFor("the link", () => server.opened() === 1, 10_000);
  expect(proxy.asked).toEqual(["CONNECT pool.example:9999 HTTP/1.1"]);
});

test("an authority that is not known gets no link", async () => {
  await using server = await startServer();
  const stranger = (await makeAuthority("stranger", valid)).cert;
  const closed = Promise.withResolvers<string>();
  const dialler = new Dialler({
    url: tunnelUrl(`https://127.0.0.1:${server.port}`, "/tunnel"),
    headers: () => ({ authorization: "secret" }),
    way: () => ({ tls: { ca: [stranger] } }),
    clock: systemClock,
    resumeMs: 1_000,
    onStream: () => {},
    onClosed: closed.resolve,
  });
  using _ = dialler;
  expect(await closed.promise).toBe("the coordinator could not be reached");
  expect(server.opened()).toBe(0);
}, 30_000);
