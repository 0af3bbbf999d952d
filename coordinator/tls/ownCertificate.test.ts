import { expect, test } from "bun:test";
import { X509Certificate } from "node:crypto";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { openOwnCertificate } from "./ownCertificate.ts";

const UNTIL_ENDED = new AbortController().signal;
const DAY_MS = 24 * 3_600_000;

const opened = (dir: string, { names = ["pool.example"], now = Date.now(), also = [] as string[] } = {}) => {
  let at = now;
  const clock = { now: () => at };
  const pass = (ms: number) => {
    at += ms;
  };
  return openOwnCertificate({ dir, names, clock, alsoTrusted: () => also }).then((source) =>
    Object.assign(source, { pass }),
  );
};

test("keys are for their owner alone", async () => {
  using dir = tempDir();
  await opened(join(dir.path, "tls"));
  expect(statSync(join(dir.path, "tls")).mode & 0o777).toBe(0o700);
  for (const name of readdirSync(join(dir.path, "tls")))
    expect(statSync(join(dir.path, "tls", name)).mode & 0o777).toBe(0o600);
});

test("the next start has the same certificate", async () => {
  using dir = tempDir();
  const names = ["Pool.example", "10.0.0.1", "::1", "fd00:0::ab", "FD00::1"];
  const first = await opened(dir.path, { names });
  expect(await first.refresh(UNTIL_ENDED)).toBe(false);
  const second = await opened(dir.path, { names });
  expect(second.current).toEqual(first.current);
  expect(second.trust).toEqual(first.trust);
});

test("another name makes another certificate, of the same authority and key, and no name is lost", async () => {
  using dir = tempDir();
  const first = await opened(dir.path, { names: ["old.example", "10.0.0.1"] });
  const second = await opened(dir.path, { names: ["new.example"] });
  expect(second.current.cert).not.toBe(first.current.cert);
  const names = new X509Certificate(second.current.cert).subjectAltName;
  for (const name of ["old.example", "10.0.0.1", "new.example"]) expect(names).toContain(name);
  expect(second.trust).toEqual(first.trust);
});

test("it is renewed long before it ends, while it is used", async () => {
  using dir = tempDir();
  const source = await opened(dir.path);
  const { trust, current } = source;
  expect(await source.refresh(UNTIL_ENDED)).toBe(false);
  source.pass(300 * DAY_MS);
  expect(await source.refresh(UNTIL_ENDED)).toBe(true);
  expect(source.current.cert).not.toBe(current.cert);
  expect(source.trust).toEqual(trust);
  expect(await source.refresh(UNTIL_ENDED)).toBe(false);
});

test("a certificate that was made by a clock ahead is made again; the authority is good in any case", async () => {
  using dir = tempDir();
  const ahead = await opened(dir.path, { now: Date.now() + 400 * DAY_MS });
  const now = await opened(dir.path);
  expect(now.current.cert).not.toBe(ahead.current.cert);
  expect(Date.parse(new X509Certificate(now.current.cert).validFrom)).toBeLessThan(Date.now());
  expect(now.trust.fingerprint).toBe(ahead.trust.fingerprint as string);
  const [authority = ""] = now.trust.told?.authorities ?? [];
  expect(Date.parse(new X509Certificate(authority).validFrom)).toBeLessThan(Date.now());
});

test("a host whose clock is an hour behind takes a certificate that was just made", async () => {
  using dir = tempDir();
  const { current } = await opened(dir.path);
  expect(Date.parse(new X509Certificate(current.cert).validFrom)).toBeLessThan(Date.now() - 3_600_000);
});

test("hosts are told of further authorities", async () => {
  using dir = tempDir();
  const next = (await opened(join(dir.path, "next"))).trust.told?.authorities ?? [];
  const { trust } = await opened(join(dir.path, "own"), { also: next });
  expect(trust.told?.authorities).toHaveLength(2);
  expect(trust.told?.authorities).toContain(next[0] as string);
});

test("an authority that was lost in part is not made anew without a word", async () => {
  using dir = tempDir();
  await opened(dir.path);
  writeFileSync(join(dir.path, "authority.key"), "");
  expect(opened(dir.path)).rejects.toThrow("Cannot use");
  expect(readFileSync(join(dir.path, "authority.key"), "utf8")).toBe("");
});
