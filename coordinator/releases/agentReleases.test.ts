import { expect, test } from "bun:test";
import { createPublicKey, verify } from "node:crypto";
import { statSync } from "node:fs";
import { join } from "node:path";
import { silentLogger } from "../../shared/log.ts";
import { releaseText, UpgradeOffer } from "../../shared/protocol/upgrade.ts";
import { FakeClock } from "../../shared/testing/fakeClock.ts";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { openAgentReleases } from "./agentReleases.ts";
import { openReleaseKey } from "./releaseKey.ts";

const PROGRAM = "#!/bin/sh\necho 2.0.0\n";
const sumOf = (bytes: Uint8Array) => new Bun.CryptoHasher("sha256").update(bytes).digest("hex");

const setUp = async () => {
  const dir = tempDir();
  const key = openReleaseKey(join(dir.path, "data", "release.key"));
  const clock = new FakeClock();
  const put = async (version: string, program = PROGRAM) => {
    const packed = Bun.gzipSync(program);
    await Bun.write(join(dir.path, "dstack-agent-linux-x64.gz"), packed);
    await Bun.write(join(dir.path, "SHA256SUMS"), `${sumOf(packed)}  dstack-agent-linux-x64.gz\n`);
    await Bun.write(join(dir.path, "VERSION"), `${version}\n`);
    return packed;
  };
  const releases = openAgentReleases({ dir: dir.path, key, clock, log: silentLogger });
  return { dir, key, clock, put, releases, [Symbol.dispose]: () => dir[Symbol.dispose]() };
};

test("what lies there is offered with its sum, its sizes and a signature over all of it", async () => {
  using t = await setUp();
  const packed = await t.put("2.0.0");
  const offer = UpgradeOffer.parse(await t.releases.find("linux-x64"));
  expect(offer).toMatchObject({
    version: "2.0.0",
    file: "dstack-agent-linux-x64.gz",
    sha256: sumOf(packed),
    size: packed.length,
    program_size: PROGRAM.length,
    release_key: t.key.publicKey,
  });
  const raw = Buffer.from(t.key.publicKey, "base64");
  const der = Buffer.concat([Buffer.from("302a300506032b6570032100", "hex"), raw]);
  const key = createPublicKey({ key: der, format: "der", type: "spki" });
  const signature = Buffer.from(offer.signature, "base64");
  expect(verify(null, Buffer.from(releaseText(offer)), key, signature)).toBe(true);
  expect(verify(null, Buffer.from(releaseText({ ...offer, version: "1.0.0" })), key, signature)).toBe(false);
});

test("another release is seen after a moment; where something is missing there is none", async () => {
  using t = await setUp();
  expect(await t.releases.find("linux-x64")).toBeUndefined();
  await t.put("2.0.0");
  t.clock.advance(11_000);
  expect((await t.releases.find("linux-x64"))?.version).toBe("2.0.0");
  await t.put("1.9.0");
  t.clock.advance(11_000);
  expect((await t.releases.find("linux-x64"))?.version).toBe("1.9.0");
  for (const target of ["linux-arm64", "../linux-x64", ""])
    expect(await t.releases.find(target)).toBeUndefined();
  await t.put("not a version");
  t.clock.advance(11_000);
  expect(await t.releases.find("linux-x64")).toBeUndefined();
});

test("the key is made once, for its owner alone, and a damaged one is not replaced", async () => {
  using t = await setUp();
  const path = join(t.dir.path, "data", "release.key");
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(openReleaseKey(path).publicKey).toBe(t.key.publicKey);
  await Bun.write(path, "");
  expect(() => openReleaseKey(path)).toThrow("Cannot read the release key");
});
