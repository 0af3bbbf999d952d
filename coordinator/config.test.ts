import { expect, test } from "bun:test";
import { resolve } from "node:path";
import { loadCoordinatorConfig, VARIABLES } from "./config.ts";

test("every variable is told to operators", async () => {
  const page = await Bun.file(resolve(import.meta.dir, "../docs/on-prem.md")).text();
  expect(VARIABLES.filter((name) => !page.includes(`\`${name}\``))).toEqual([]);
});

test("without variables everything has its default under the home folder", () => {
  const config = loadCoordinatorConfig({ HOME: "/home/ann" });
  expect(config).toMatchObject({
    host: "127.0.0.1",
    port: 3000,
    serverDir: "/home/ann/.dstack/server",
    databaseUrl: "file:/home/ann/.dstack/server/data/coordinator.db",
    uploadLimits: {
      inOne: 2 * 1024 * 1024,
      inParts: 4 * 1024 ** 3,
      partsSetting: "DSTACK_SERVER_UPLOAD_LIMIT",
    },
    logLevel: "info",
  });
});

test("levels are read whatever their case; a slash after the address is dropped", () => {
  const config = loadCoordinatorConfig({
    DSTACK_SERVER_LOG_LEVEL: "DEBUG",
    DSTACK_SERVER_URL: "https://gpu.example.com/",
    DSTACK_SERVER_LOG_QUOTA_PER_JOB_HOUR: "52428800",
  });
  expect(config).toMatchObject({
    logLevel: "debug",
    publicUrl: "https://gpu.example.com",
    logQuotaHour: 52_428_800,
  });
});

test("every wrong variable is named with its value, tokens without", () => {
  const load = () =>
    loadCoordinatorConfig({
      DSTACK_SERVER_PORT: "70000",
      DSTACK_SERVER_URL: "ftp://x",
      DSTACK_SERVER_ADMIN_TOKEN: "s3",
    });
  expect(load).toThrow("DSTACK_SERVER_PORT=70000");
  expect(load).toThrow("DSTACK_SERVER_URL=ftp://x");
  expect(load).toThrow("DSTACK_SERVER_ADMIN_TOKEN=…");
});

test("uploads in parts have the stock client's limit where only that is set", () => {
  const limitsOf = (env: Record<string, string>) => loadCoordinatorConfig(env).uploadLimits;
  expect(limitsOf({ DSTACK_SERVER_CODE_UPLOAD_LIMIT: "1000" })).toEqual({
    inOne: 1000,
    inParts: 1000,
    partsSetting: "DSTACK_SERVER_CODE_UPLOAD_LIMIT",
  });
  expect(
    limitsOf({ DSTACK_SERVER_CODE_UPLOAD_LIMIT: "1000", DSTACK_SERVER_UPLOAD_LIMIT: "0" }),
  ).toMatchObject({ inOne: 1000, inParts: 0, partsSetting: "DSTACK_SERVER_UPLOAD_LIMIT" });
});

test("SSH: where it is answered, and what clients are told", () => {
  expect(
    loadCoordinatorConfig({ DSTACK_SERVER_HOST: "0.0.0.0", DSTACK_SERVER_ALLOW_HTTP: "1" }),
  ).toMatchObject({
    ssh: { host: "0.0.0.0", port: 30_022 },
    sshAddress: undefined,
    isSshProxyEnforced: false,
  });
  const sshOf = (env: Record<string, string>) => loadCoordinatorConfig(env).ssh;
  expect(sshOf({ DSTACK_SERVER_PORT: "0" }).port).toBe(0);
  expect(sshOf({ DSTACK_SERVER_SSH_PORT: "off" }).port).toBeUndefined();
  expect(sshOf({ DSTACK_SERVER_SSH_HOST: "::", DSTACK_SERVER_SSH_PORT: "22" })).toEqual({
    host: "::",
    port: 22,
  });
  const addressOf = (address: string) =>
    loadCoordinatorConfig({ DSTACK_SERVER_SSHPROXY_ADDRESS: address }).sshAddress;
  expect(addressOf("ssh.example.com")).toEqual({ hostname: "ssh.example.com", port: null });
  expect(addressOf("ssh.example.com:2222")).toEqual({ hostname: "ssh.example.com", port: 2222 });
  expect(addressOf("[2001:db8::1]:2222")).toEqual({ hostname: "2001:db8::1", port: 2222 });
  for (const wrong of ["", "ssh://x", "x:0", "x:70000", "a b", "user@x", "-oProxyCommand=x", "2001:db8::1"])
    expect(() => addressOf(wrong)).toThrow("expected host or host:port");
  for (const wrong of ["-1", "70000", "on"])
    expect(() => sshOf({ DSTACK_SERVER_SSH_PORT: wrong })).toThrow("DSTACK_SERVER_SSH_PORT");
});

test.each([
  [{}, "none"],
  [{ DSTACK_SERVER_HOST: "localhost" }, "none"],
  [{ DSTACK_SERVER_HOST: "127.0.0.2" }, "none"],
  [{ DSTACK_SERVER_HOST: "::1" }, "none"],
  [{ DSTACK_SERVER_HOST: "0.0.0.0", DSTACK_SERVER_ALLOW_HTTP: "1" }, "none"],
  [{ DSTACK_SERVER_URL: "https://pool.example" }, "none"],
  [{ DSTACK_SERVER_HOST: "0.0.0.0", DSTACK_SERVER_TLS: "self-signed" }, "own"],
  [{ DSTACK_SERVER_HOST: "::", DSTACK_SERVER_TLS_CERT: "c", DSTACK_SERVER_TLS_KEY: "k" }, "given"],
  [{ DSTACK_SERVER_HOST: "::", DSTACK_SERVER_TLS: "acme", DSTACK_SERVER_ACME_DOMAINS: "a.example" }, "acme"],
])("%p is served with TLS: %s", (env, kind) => {
  expect(loadCoordinatorConfig(env as Record<string, string>).tls.kind).toBe(kind as "none");
});

test.each([
  [{ DSTACK_SERVER_HOST: "0.0.0.0" }, "on 0.0.0.0, tokens would go over the network unencrypted"],
  [{ DSTACK_SERVER_HOST: "127.0.0.1.example.org" }, "would go over the network unencrypted"],
  [{ DSTACK_SERVER_HOST: "10.0.0.1", DSTACK_SERVER_TLS: "off" }, "would go over the network unencrypted"],
  [{ DSTACK_SERVER_TLS_CERT: "c" }, "DSTACK_SERVER_TLS_KEY is missing"],
  [{ DSTACK_SERVER_TLS_KEY: "k" }, "DSTACK_SERVER_TLS_CERT is missing"],
  [
    { DSTACK_SERVER_TLS_CERT: "c", DSTACK_SERVER_TLS_KEY: "k", DSTACK_SERVER_TLS: "self-signed" },
    "a certificate is given, and DSTACK_SERVER_TLS says",
  ],
  [{ DSTACK_SERVER_TLS: "self-signed", DSTACK_SERVER_URL: "http://pool.example" }, "speaks TLS"],
  [{ DSTACK_SERVER_TLS_NAMES: "a b'c" }, "DSTACK_SERVER_TLS_NAMES"],
  [{ DSTACK_SERVER_TRUSTED_PROXIES: "10.0.0.1, proxy.example" }, "expected an address, or a network"],
  [{ DSTACK_SERVER_TLS: "acme" }, "a CA certifies names, and none is given"],
  [{ DSTACK_SERVER_TLS: "acme", DSTACK_SERVER_ACME_DOMAINS: "*.example" }, "DSTACK_SERVER_ACME_DOMAINS"],
  [
    {
      DSTACK_SERVER_TLS: "acme",
      DSTACK_SERVER_ACME_DOMAINS: "a.example",
      DSTACK_SERVER_URL: "https://b.example",
    },
    "the address is https://b.example, and the CA is asked for a.example",
  ],
  [
    {
      DSTACK_SERVER_TLS: "acme",
      DSTACK_SERVER_ACME_DOMAINS: "a.example",
      DSTACK_SERVER_ACME_EAB_KID: "mine",
    },
    "DSTACK_SERVER_ACME_EAB_HMAC_KEY is missing",
  ],
  [{ DSTACK_SERVER_ACME_EAB_HMAC_KEY: "not/base64url+of/any+kind" }, "expected base64url"],
  [{ DSTACK_SERVER_ACME_DIRECTORY: "http://ca.example/dir" }, "DSTACK_SERVER_ACME_DIRECTORY"],
])("%p is refused", (env, text) => {
  expect(() => loadCoordinatorConfig(env as Record<string, string>)).toThrow(text);
});

test.each([
  ["443", "a.example, b.example", "https://a.example"],
  ["3000", "a.example", "https://a.example:3000"],
  ["3000", "fd00::1", "https://[fd00::1]:3000"],
  ["0", "a.example", undefined],
])("on port %s, what is certified for %s is reached at %s", (port, domains, url) => {
  const config = loadCoordinatorConfig({
    DSTACK_SERVER_TLS: "acme",
    DSTACK_SERVER_ACME_DOMAINS: domains,
    DSTACK_SERVER_PORT: port,
  });
  expect(config.publicUrl).toBe(url);
});
