import { expect, test } from "bun:test";
import { X509Certificate } from "node:crypto";
import { readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tempDir } from "../shared/testing/tempDir.ts";
import { waitFor } from "../shared/testing/waitFor.ts";
import { issueCertificate, makeAuthority } from "../shared/tls/certificates.ts";
import { fingerprintOf } from "../shared/tls/fingerprint.ts";
import { type RunningCoordinator, startCoordinator } from "./main.ts";

const started = async (dir: string, env: Record<string, string> = {}) => {
  const coordinator = await startCoordinator({
    env: { DSTACK_SERVER_DIR: dir, DSTACK_SERVER_PORT: "0", DSTACK_SERVER_LOG_LEVEL: "error", ...env },
  });
  return Object.assign(coordinator, { [Symbol.asyncDispose]: () => coordinator.stop() });
};

const post = ({ url }: RunningCoordinator, path: string, token: string) =>
  fetch(`${url}${path}`, { method: "POST", headers: { authorization: `Bearer ${token}` } });

test("the first start makes an admin, a project and a way to join; the next one keeps them", async () => {
  using dir = tempDir();
  let token = "";
  {
    await using first = await started(dir.path);
    token = first.adminToken ?? "";
    expect(token.length).toBeGreaterThan(30);
    expect(first.joinCommand).toStartWith(`curl -fsSL ${first.url}/install.sh | sh -s -- --token `);
    expect((await fetch(`${first.url}/healthcheck`)).status).toBe(200);
    const projects = (await (await post(first, "/api/projects/list", token)).json()) as unknown[];
    expect(projects).toMatchObject([{ project_name: "main" }]);
    expect((await post(first, "/api/projects/list", "wrong")).status).toBe(403);
  }
  await using second = await started(dir.path);
  expect(second.adminToken).toBeUndefined();
  expect((await post(second, "/api/projects/list", token)).status).toBe(200);
});

test("a token that is given replaces the admin's", async () => {
  using dir = tempDir();
  await (await startCoordinator({ env: { DSTACK_SERVER_DIR: dir.path, DSTACK_SERVER_PORT: "0" } })).stop();
  await using given = await started(dir.path, { DSTACK_SERVER_ADMIN_TOKEN: "given-token" });
  expect(given.adminToken).toBe("given-token");
  expect((await post(given, "/api/projects/list", "given-token")).status).toBe(200);
});

test("what is stored does not contain the token, and only its owner can read the key", async () => {
  using dir = tempDir();
  let token = "";
  {
    await using coordinator = await started(dir.path);
    token = coordinator.adminToken ?? "";
  }
  const database = join(dir.path, "data", "coordinator.db");
  expect(readFileSync(database).includes(token)).toBe(false);
  expect(statSync(join(dir.path, "data", "encryption.key")).mode & 0o777).toBe(0o600);
});

test("a port in use is refused in a sentence, and nothing stays locked", async () => {
  using dir = tempDir();
  const taken = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response() });
  const wanted = { DSTACK_SERVER_PORT: String(taken.port) };
  // Not `rejects`, which turns the event loop by itself, and sleeps in it for five seconds here.
  const refusal = await started(dir.path, wanted).then(() => "none", String);
  expect(refusal).toContain(`Cannot listen on 127.0.0.1:${taken.port}`);
  await taken.stop(true);
  await using _now = await started(dir.path, wanted);
});

test("one coordinator at a time works in a folder", async () => {
  using dir = tempDir();
  await using _first = await started(dir.path);
  expect(started(dir.path)).rejects.toThrow(`Another process uses the folder ${dir.path}`);
});

test("a server folder that cannot be made is refused in a sentence", async () => {
  using dir = tempDir();
  writeFileSync(join(dir.path, "file"), "");
  expect(started(join(dir.path, "file", "server"))).rejects.toThrow("Cannot use the server folder");
});

test("a damaged database is refused in a sentence and left as it is", async () => {
  using dir = tempDir();
  await (await startCoordinator({ env: { DSTACK_SERVER_DIR: dir.path, DSTACK_SERVER_PORT: "0" } })).stop();
  const database = join(dir.path, "data", "coordinator.db");
  const rubbish = "not a database at all ".repeat(500);
  writeFileSync(database, rubbish);
  for (const ending of ["-wal", "-shm"]) rmSync(database + ending, { force: true });
  expect(started(dir.path)).rejects.toThrow("Cannot open the database");
  expect(readFileSync(database, "utf8")).toBe(rubbish);
});

test("with TLS of its own it is known by the fingerprint in join tokens, and clients are told of it", async () => {
  using dir = tempDir();
  await using coordinator = await started(dir.path, {
    DSTACK_SERVER_TLS: "self-signed",
    DSTACK_ENABLE_PROMETHEUS_METRICS: "1",
  });
  const { url, authority = "", fingerprint = "", joinCommand } = coordinator;
  expect(url).toStartWith("https://127.0.0.1:");
  expect(fingerprintOf(authority)).toBe(fingerprint);
  expect(joinCommand).toMatch(
    new RegExp(
      `^curl -fsSk --pinnedpubkey sha256//[A-Za-z0-9+/=]{44} ${url}/install\\.sh \\| sh -s -- --token join-\\S+\\.sha256-${fingerprint}$`,
    ),
  );
  const known = { tls: { ca: authority } };
  expect(await (await fetch(`${url}/authorities.pem`, known)).text()).toBe(authority);
  expect((await fetch(`${url}/healthcheck`, known)).status).toBe(200);
  const [, until] =
    /^dstack_certificate_expires_timestamp_seconds\S* (\S+)$/m.exec(
      await (await fetch(`${url}/metrics`, known)).text(),
    ) ?? [];
  expect(Number(until) * 1000).toBeGreaterThan(Date.now());
  expect(await (await fetch(`${url}/install.sh`, known)).text()).toContain(`default_url='${url}'`);
});

test("a certificate that is given is used, and another one in its place is, too", async () => {
  using dir = tempDir();
  const valid = { notBefore: Date.now() - 3_600_000, notAfter: Date.now() + 3_600_000 };
  const authority = await makeAuthority("ours", valid);
  const [certFile, keyFile] = [join(dir.path, "cert.pem"), join(dir.path, "key.pem")];
  const put = async () => {
    const { cert, key } = await issueCertificate(authority, { ...valid, names: ["127.0.0.1"] });
    writeFileSync(certFile, cert);
    writeFileSync(keyFile, key);
    return new X509Certificate(cert).serialNumber;
  };
  const first = await put();
  await using coordinator = await started(join(dir.path, "server"), {
    DSTACK_SERVER_TLS_CERT: certFile,
    DSTACK_SERVER_TLS_KEY: keyFile,
  });
  const { url } = coordinator;
  // One that hosts know by themselves: nothing is pinned.
  expect(coordinator.joinCommand).toStartWith(`curl -fsSL ${url}/install.sh | sh -s -- --token join-`);
  expect(coordinator.joinCommand).not.toContain("sha256");
  const shown = async () => {
    let serial = "";
    const { status } = await fetch(`${url}/healthcheck`, {
      keepalive: false,
      tls: {
        ca: authority.cert,
        checkServerIdentity: (_: string, certificate: { serialNumber: string }) => {
          serial = certificate.serialNumber;
          return undefined;
        },
      },
    }).catch(() => ({ status: 0 }));
    return status === 200 && serial;
  };
  expect(await shown()).toBe(first);
  const second = await put();
  await waitFor("the other certificate", async () => (await shown()) === second, 30_000);
  expect((await fetch(`${url}/authorities.pem`, { tls: { ca: authority.cert } })).status).toBe(404);
}, 60_000);
