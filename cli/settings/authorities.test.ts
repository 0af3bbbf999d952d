import { expect, test } from "bun:test";
import { statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { issueCertificate, makeAuthority } from "../../shared/tls/certificates.ts";
import { fingerprintOf } from "../../shared/tls/fingerprint.ts";
import { newPerson } from "../testing/runCli.ts";
import { authoritiesPath } from "./authorities.ts";

const HOUR_MS = 3_600_000;
const valid = { notBefore: Date.now() - HOUR_MS, notAfter: Date.now() + HOUR_MS };

/** Knows the project `main`, by a certificate that only its own authority vouches for. */
const startServer = async (validity = valid) => {
  const authority = await makeAuthority("one", valid);
  const tokens: string[] = [];
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    tls: await issueCertificate(authority, { ...validity, names: ["127.0.0.1"] }),
    fetch: (request) => {
      if (request.url.endsWith("/authorities.pem")) return new Response(authority.cert);
      tokens.push(request.headers.get("authorization") ?? "");
      return Response.json({ project_id: "1", project_name: "main", owner: { username: "ann" } });
    },
  });
  const url = `https://127.0.0.1:${server.port}`;
  return {
    url,
    tokens,
    authority: authority.cert,
    add: ["project", "add", "--name", "main", "--url", url, "--token", "secret", "-y"],
    [Symbol.asyncDispose]: () => server.stop(true),
  };
};

test("a server with an authority of its own is refused, with what to do, before a token is sent", async () => {
  await using server = await startServer();
  using person = newPerson();
  const { code, out } = await person.run(server.add);
  expect(code).toBe(1);
  expect(out).toContain("Its certificate is of an authority that is not known here");
  expect(out).toContain("--fingerprint");
  expect(server.tokens).toEqual([]);
});

test("with the fingerprint it is known, and from then on", async () => {
  await using server = await startServer();
  using person = newPerson();
  const colons = (fingerprintOf(server.authority).toUpperCase().match(/../g) ?? []).join(":");
  expect((await person.run([...server.add, "--fingerprint", colons])).code).toBe(0);
  const path = authoritiesPath(person.home, server.url);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect((await person.run(server.add)).code).toBe(0);
});

test("another fingerprint is refused, and nothing is kept", async () => {
  await using server = await startServer();
  using person = newPerson();
  const { code, out } = await person.run([...server.add, "--fingerprint", "f".repeat(64)]);
  expect(code).toBe(1);
  expect(out).toContain("has no authority with this fingerprint");
  expect(server.tokens).toEqual([]);
  expect((await person.run(server.add)).code).toBe(1);
  expect((await person.run([...server.add, "--fingerprint", "12:34"])).code).toBe(2);
});

test("a file of authorities is kept, and DSTACK_CA_FILE goes before what was kept", async () => {
  await using server = await startServer();
  using person = newPerson();
  const [good, other] = [join(person.cwd, "good.pem"), join(person.cwd, "other.pem")];
  writeFileSync(good, server.authority);
  writeFileSync(other, (await makeAuthority("other", valid)).cert);
  expect((await person.run([...server.add, "--ca-file", good])).code).toBe(0);
  expect((await person.run(server.add, { env: { DSTACK_CA_FILE: other } })).code).toBe(1);
  expect((await person.run([...server.add, "--ca-file", join(person.cwd, "none.pem")])).code).toBe(1);
});

test("a certificate that is out of its time is told from a clock that is wrong", async () => {
  const later = { notBefore: Date.now() + HOUR_MS / 2, notAfter: Date.now() + HOUR_MS };
  await using server = await startServer(later);
  using person = newPerson();
  const known = ["--fingerprint", fingerprintOf(server.authority)];
  const { out } = await person.run([...server.add, ...known]);
  expect(out.replaceAll(/\s+/g, " ")).toContain(
    "Its certificate is not valid yet, and the clocks agree: it was made by a clock that was ahead",
  );
});
