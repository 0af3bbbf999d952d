import { expect, test } from "bun:test";
import { proxyFor } from "./proxy.ts";

test.each([
  ["https://pool.example/x", { HTTPS_PROXY: "http://p:1" }, "http://p:1"],
  ["https://pool.example", { https_proxy: "http://low:1", HTTPS_PROXY: "http://up:1" }, "http://low:1"],
  ["http://pool.example", { HTTPS_PROXY: "http://p:1" }, undefined],
  ["https://pool.example", { HTTPS_PROXY: "http://p:1", NO_PROXY: "other, .example" }, undefined],
  ["https://pool.example", { HTTPS_PROXY: "http://p:1", NO_PROXY: "example.org" }, "http://p:1"],
  ["https://pool.example", { HTTPS_PROXY: "http://p:1", no_proxy: "*" }, undefined],
  ["wss://pool.example/tunnel", { HTTPS_PROXY: "http://p:1" }, "http://p:1"],
  ["ws://pool.example/tunnel", { HTTPS_PROXY: "http://p:1" }, undefined],
  ["wss://pool.example", { ALL_PROXY: "p:1" }, "http://p:1"],
  ["https://pool.example", { HTTPS_PROXY: "http://p:1", NO_PROXY: "pool.example:443" }, undefined],
  ["https://pool.example", { HTTPS_PROXY: "http://p:1", NO_PROXY: "pool.example:80" }, "http://p:1"],
  ["https://[fd00::1]:3000", { HTTPS_PROXY: "http://p:1", NO_PROXY: "fd00::/8" }, undefined],
  ["https://[fd00::1]:3000", { HTTPS_PROXY: "http://p:1", NO_PROXY: "[fd00:0::1]:3000" }, undefined],
])("proxyFor(%s, %p) is %p", (url, env, expected) => {
  expect(proxyFor(url, env)).toBe(expected);
});

/** Where `fetch` went, in a process with these variables. */
const askBun = async (url: string, env: Record<string, string>): Promise<string> => {
  const script = "process.stdout.write(await fetch(process.argv[1]).then((answer) => answer.text()))";
  const child = Bun.spawn([process.execPath, "-e", script, url], { env, stdout: "pipe" });
  return new Response(child.stdout).text();
};

test("polls and tunnels go the same way: it decides as fetch does", async () => {
  const serve = (text: string) =>
    Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response(text) });
  await using direct = serve("direct");
  await using proxy = serve("proxied");
  const noProxies: [host: string, noProxy: string][] = [
    ["127.0.0.1", ""],
    ["127.0.0.1", "127.0.0.1"],
    ["127.0.0.1", `127.0.0.1:${direct.port}`],
    ["127.0.0.1", "127.0.0.1:1"],
    ["127.0.0.1", "0.0.1"],
    ["127.0.0.1", "127.0.0.0/8"],
    ["127.0.0.1", "10.0.0.0/8, 192.168.0.0/16"],
    ["127.0.0.1", "*"],
    ["localhost", "LOCALHOST"],
    ["localhost", ".localhost"],
    ["localhost", "*.localhost"],
    ["localhost", "host"],
    ["localhost", "a, localhost"],
    ["localhost", "a localhost"],
    ["localhost", "localhost."],
  ];
  const ways = noProxies.map(([host, noProxy]) => ({
    host,
    env: { HTTP_PROXY: `http://127.0.0.1:${proxy.port}`, NO_PROXY: noProxy },
  }));
  const others = [
    { host: "localhost", env: { ALL_PROXY: `http://127.0.0.1:${proxy.port}` } },
    { host: "localhost", env: { http_proxy: `127.0.0.1:${proxy.port}` } },
    { host: "localhost", env: { http_proxy: "", HTTP_PROXY: `http://127.0.0.1:${proxy.port}` } },
  ];
  const found = await Promise.all(
    [...ways, ...others].map(async ({ host, env }) => {
      const url = `http://${host}:${direct.port}/`;
      return {
        host,
        env,
        fetch: await askBun(url, env as Record<string, string>),
        ours: proxyFor(url, env) === undefined ? "direct" : "proxied",
      };
    }),
  );
  expect(found.filter(({ fetch, ours }) => fetch !== ours)).toEqual([]);
}, 30_000);
