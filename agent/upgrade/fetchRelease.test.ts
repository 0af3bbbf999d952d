import { expect, test } from "bun:test";
import { generateKeyPairSync, sign } from "node:crypto";
import { chmodSync, existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { releaseText, type UpgradeOffer } from "../../shared/protocol/upgrade.ts";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { checkSignature, download, stage } from "./fetchRelease.ts";
import { keptPath, swapBack, swapIn, whyUnable } from "./program.ts";

const programOf = (version: string, body = `echo ${version}`) =>
  `#!/bin/sh\n# ${"x".repeat(5_000)}\n${body}\n`;
const keys = generateKeyPairSync("ed25519");
const KEY = keys.publicKey.export({ type: "spki", format: "der" }).subarray(-32).toString("base64");

const setUp = (program = programOf("2.0.0")) => {
  const dir = tempDir();
  const packed = Bun.gzipSync(program);
  const facts = {
    version: "2.0.0",
    target: "linux-x64",
    sha256: new Bun.CryptoHasher("sha256").update(packed).digest("hex"),
    size: packed.length,
    program_size: program.length,
  };
  const signature = sign(null, Buffer.from(releaseText(facts)), keys.privateKey).toString("base64");
  const offer: UpgradeOffer = { ...facts, file: "dstack-agent-linux-x64.gz", signature, release_key: KEY };
  const served = { bytes: packed, cutAt: undefined as number | undefined, knowsRanges: true };
  const ranges: (string | null)[] = [];
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: (request) => {
      const range = request.headers.get("range");
      ranges.push(range);
      const begin = served.knowsRanges ? Number(/bytes=(\d+)-/.exec(range ?? "")?.[1] ?? 0) : 0;
      const bytes = served.bytes.subarray(begin, served.cutAt);
      return new Response(new Uint8Array(bytes), { status: begin > 0 ? 206 : 200 });
    },
  });
  const folder = join(dir.path, "upgrade");
  const url = `http://127.0.0.1:${server.port}`;
  const options = { url, dir: folder, signal: new AbortController().signal };
  return {
    dir: dir.path,
    folder,
    offer,
    served,
    ranges,
    fetch: (changed: Partial<UpgradeOffer> = {}) => download({ ...offer, ...changed }, options),
    [Symbol.dispose]: () => {
      void server.stop(true);
      dir[Symbol.dispose]();
    },
  };
};

test("only what the key has signed is trusted, to the letter", () => {
  using t = setUp();
  checkSignature(t.offer, KEY);
  for (const changed of [
    { version: "1.0.0" },
    { sha256: "0".repeat(64) },
    { size: 1 },
    { target: "linux-arm64" },
  ])
    expect(() => checkSignature({ ...t.offer, ...changed }, KEY)).toThrow(
      "is not signed by this host's coordinator",
    );
  const other = generateKeyPairSync("ed25519").publicKey.export({ type: "spki", format: "der" });
  expect(() => checkSignature(t.offer, other.subarray(-32).toString("base64"))).toThrow("is not signed");
  expect(() => checkSignature(t.offer, "")).toThrow("is not signed");
});

test("a download that is cut off goes on where it was, also with a server that knows no ranges", async () => {
  using t = setUp();
  t.served.cutAt = 50;
  expect(t.fetch()).rejects.toThrow(`it ended after 50 of ${t.offer.size} bytes`);
  await Bun.write(join(t.folder, "of another release.part"), "old");
  t.served.cutAt = undefined;
  const path = await t.fetch();
  expect(readFileSync(path)).toEqual(Buffer.from(t.served.bytes));
  expect(t.ranges).toEqual([null, "bytes=50-"]);
  expect(readdirSync(t.folder)).toEqual([`${t.offer.sha256}.part`]);
  await t.fetch();
  expect(t.ranges).toHaveLength(2);
  using other = setUp();
  other.served.cutAt = 50;
  expect(other.fetch()).rejects.toThrow();
  Object.assign(other.served, { cutAt: undefined, knowsRanges: false });
  expect(readFileSync(await other.fetch())).toEqual(Buffer.from(other.served.bytes));
});

test("what has another sum is thrown away, what is too large is not even kept", async () => {
  using t = setUp();
  const good = t.served.bytes;
  t.served.bytes = Bun.gzipSync(programOf("6.6.6"));
  await expect(t.fetch({ size: t.served.bytes.length })).rejects.toMatchObject({ code: "forbidden" });
  expect(readdirSync(t.folder)).toEqual([]);
  t.served.bytes = Buffer.concat([good, Buffer.alloc(10)]);
  await expect(t.fetch()).rejects.toMatchObject({
    code: "unavailable",
    message: expect.stringContaining("larger"),
  });
});

test("a release that runs takes the place of the program, which comes back when it is wanted", async () => {
  using t = setUp();
  const program = join(t.dir, "dstack-agent");
  await Bun.write(program, programOf("1.0.0"));
  chmodSync(program, 0o755);
  const run = (path: string) => Bun.spawnSync([path, "version"]).stdout.toString();
  expect(whyUnable(program, "linux-x64")).toBeUndefined();
  expect(whyUnable(undefined, "linux-x64")).toContain("compiled");
  expect(whyUnable("/proc/1/dstack-agent", "linux-x64")).toContain("may not write");
  const staged = await stage(await t.fetch(), t.offer, program);
  expect(statSync(staged).mode & 0o777).toBe(0o755);
  swapIn(program, staged);
  expect([run(program), run(keptPath(program)), existsSync(staged)]).toEqual(["2.0.0\n", "1.0.0\n", false]);
  expect(swapBack(program)).toBe(true);
  expect([run(program), existsSync(keptPath(program))]).toEqual(["1.0.0\n", false]);
  expect(swapBack(program)).toBe(false);
});

test.each([
  ["says another version", programOf("2.0.1"), {}, 'it ended with 0 and said "2.0.1"'],
  [
    "does not run",
    programOf("", "echo no such library >&2; exit 127"),
    {},
    'it ended with 127 and said "no such library"',
  ],
  ["is larger than it was said to be", programOf("2.0.0"), { program_size: 100 }, "it is larger"],
  ["is smaller than it was said to be", programOf("2.0.0"), { program_size: 1e6 }, "it is smaller"],
])("a release that %s is not staged", async (_, program, changed, message) => {
  using t = setUp(program);
  const target = join(t.dir, "dstack-agent");
  const archive = await t.fetch();
  await expect(stage(archive, { ...t.offer, ...changed }, target)).rejects.toThrow(message);
  expect(readdirSync(t.dir)).toEqual(["upgrade"]);
});
