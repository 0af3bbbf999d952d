import { createPublicKey, verify } from "node:crypto";
import { createReadStream, createWriteStream, statSync } from "node:fs";
import { chmod, mkdir, open, readdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { AppError, messageOf } from "../../shared/errors.ts";
import { releaseText, type UpgradeOffer } from "../../shared/protocol/upgrade.ts";
import type { LinkTls } from "../link/trust.ts";

/** DER prefix of an Ed25519 public key (RFC 8410 §4): what Node wants in front of the raw 32 bytes. */
const ED25519_PREFIX = Buffer.from("302a300506032b6570032100", "hex");

/** Throws `forbidden` unless the key signed exactly this offer. */
export const checkSignature = (offer: UpgradeOffer, releaseKey: string): void => {
  const raw = Buffer.from(releaseKey, "base64");
  const der = Buffer.concat([ED25519_PREFIX, raw]);
  const isGood =
    raw.length === 32 &&
    verify(
      null,
      Buffer.from(releaseText(offer)),
      createPublicKey({ key: der, format: "der", type: "spki" }),
      Buffer.from(offer.signature, "base64"),
    );
  if (!isGood)
    throw new AppError("forbidden", `The release ${offer.version} is not signed by this host's coordinator`, {
      hint: "If the coordinator has lost its release key, join the host again with a token",
    });
};

/** A server that sends nothing for so long has gone away. */
const SILENCE_MS = 30_000;

/**
 * Downloads the offered file into `dir` and checks its sum; goes on where an earlier attempt was cut off. Rejects with
 * `unavailable` for what may go away by itself; what has the wrong sum is removed and rejected with `forbidden`.
 */
export const download = async (
  offer: UpgradeOffer,
  { url, dir, signal, tls }: { url: string; dir: string; signal: AbortSignal; tls?: LinkTls },
): Promise<string> => {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const path = join(dir, `${offer.sha256}.part`);
  for (const name of await readdir(dir)) if (name !== `${offer.sha256}.part`) await rm(join(dir, name));
  const have = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  if (have < offer.size)
    await fetchRest(`${url}/artifacts/${offer.file}`, { path, have, size: offer.size, signal, tls });
  const hash = new Bun.CryptoHasher("sha256");
  for await (const bytes of Bun.file(path).stream()) hash.update(bytes);
  const sum = hash.digest("hex");
  if (sum === offer.sha256) return path;
  await rm(path);
  throw new AppError(
    "forbidden",
    `The download of ${offer.file} is damaged: SHA-256 is ${sum}, not ${offer.sha256}`,
  );
};

interface Rest {
  path: string;
  have: number;
  size: number;
  signal: AbortSignal;
  tls: LinkTls;
}

const fetchRest = async (url: string, { path, have, size, signal, tls }: Rest): Promise<void> => {
  const silent = new AbortController();
  const watch = () =>
    setTimeout(() => silent.abort(new Error(`nothing came for ${SILENCE_MS / 1000} s`)), SILENCE_MS);
  let timer = watch();
  try {
    const answer = await fetch(url, {
      headers: have > 0 ? { range: `bytes=${have}-` } : {},
      ...(tls ? { tls } : {}),
      signal: AbortSignal.any([signal, silent.signal]),
    });
    if ((answer.status !== 200 && answer.status !== 206) || !answer.body)
      throw new Error(`it answers with status ${answer.status}`);
    // Whoever does not know of ranges begins anew.
    const begin = answer.status === 206 ? have : 0;
    let length = begin;
    const bounded = new Transform({
      transform: (chunk: Buffer, _, done) => {
        clearTimeout(timer);
        timer = watch();
        length += chunk.length;
        done(length > size ? new Error(`it is larger than ${size} bytes`) : null, chunk);
      },
    });
    const out = createWriteStream(path, { flags: begin > 0 ? "a" : "w", mode: 0o600 });
    await pipeline(Readable.fromWeb(answer.body as never), bounded, out);
    if (length < size) throw new Error(`it ended after ${length} of ${size} bytes`);
  } catch (cause) {
    throw new AppError("unavailable", `Cannot download ${url}: ${messageOf(cause)}`, { cause });
  } finally {
    clearTimeout(timer);
  }
};

const SMOKE_MS = 20_000;

/**
 * Unpacks a checked download beside the program that it is to replace, and runs it once: what cannot say its version
 * here (another processor, another C library, a folder that is mounted noexec) must not take the agent's place.
 */
export const stage = async (archive: string, offer: UpgradeOffer, program: string): Promise<string> => {
  const staged = join(dirname(program), ".dstack-agent.new");
  try {
    let length = 0;
    const bounded = new Transform({
      transform: (chunk: Buffer, _, done) => {
        length += chunk.length;
        done(length > offer.program_size ? new Error("it is larger than it was said to be") : null, chunk);
      },
    });
    const out = createWriteStream(staged, { flags: "w", mode: 0o700 });
    await pipeline(createReadStream(archive), createGunzip(), bounded, out);
    if (length !== offer.program_size) throw new Error("it is smaller than it was said to be");
    await chmod(staged, 0o755);
    await using file = await open(staged);
    await file.sync();
    await smoke(staged, offer.version);
    return staged;
  } catch (cause) {
    await rm(staged, { force: true });
    if (cause instanceof AppError) throw cause;
    throw new AppError("unsupported", `Cannot unpack ${offer.file}: ${messageOf(cause)}`, { cause });
  }
};

const smoke = async (program: string, version: string): Promise<void> => {
  const child = Bun.spawn([program, "version"], {
    stdio: ["ignore", "pipe", "pipe"],
    timeout: SMOKE_MS,
    killSignal: "SIGKILL",
  });
  const [out, err, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  if (code === 0 && out.trim() === version) return;
  const how = child.signalCode ? `was ended by ${child.signalCode}` : `ended with ${code}`;
  throw new AppError(
    "unsupported",
    `The release ${version} does not run here: it ${how} and said "${(out || err).trim().slice(0, 200)}"`,
  );
};
