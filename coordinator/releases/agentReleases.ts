import { open, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../../shared/clock.ts";
import { messageOf } from "../../shared/errors.ts";
import type { Logger } from "../../shared/log.ts";
import { releaseText, type UpgradeOffer } from "../../shared/protocol/upgrade.ts";
import type { ReleaseKey } from "./releaseKey.ts";

export interface AgentReleasesDeps {
  /** The folder of the release files (http/artifacts.ts). */
  dir: string;
  key: ReleaseKey;
  clock: Clock;
  log: Logger;
}

/** What agents could be upgraded to. */
export interface AgentReleases {
  /** Undefined: there is nothing for this target. */
  find(target: string): Promise<UpgradeOffer | undefined>;
}

/** Release files change when a person puts others there: to look again this often is soon enough. */
const FRESH_MS = 2_000;

const TARGET = /^[a-z0-9]+(?:-[a-z0-9]+)*$/;
const VERSION = /^[\w.+-]{1,100}$/;

/** The agent's release files beside the coordinator, each with its signature, as they are now. */
export const openAgentReleases = (deps: AgentReleasesDeps): AgentReleases => {
  const known = new Map<string, { at: number; offer: Promise<UpgradeOffer | undefined> }>();
  return {
    find: (target) => {
      if (!TARGET.test(target)) return Promise.resolve(undefined);
      const now = deps.clock.now();
      const last = known.get(target);
      if (last && Math.abs(now - last.at) < FRESH_MS) return last.offer;
      const offer = read(deps, target).catch((err: unknown) => {
        deps.log.warn("The agent's release files cannot be read", { dir: deps.dir, reason: messageOf(err) });
        return undefined;
      });
      known.set(target, { at: now, offer });
      return offer;
    },
  };
};

const read = async ({ dir, key }: AgentReleasesDeps, target: string): Promise<UpgradeOffer | undefined> => {
  const file = `dstack-agent-${target}.gz`;
  const [version, sums] = await Promise.all([text(join(dir, "VERSION")), text(join(dir, "SHA256SUMS"))]);
  const sha256 = sums
    ?.split("\n")
    .map((line) => line.split("  "))
    .find(([, name]) => name === file)?.[0];
  if (version === undefined || !VERSION.test(version.trim()) || sha256 === undefined) return undefined;
  const found = await stat(join(dir, file)).catch(unlessMissing);
  if (!found) return undefined;
  const facts = {
    version: version.trim(),
    target,
    sha256,
    size: found.size,
    program_size: await unpackedSize(join(dir, file), found.size),
  };
  return { ...facts, file, signature: key.sign(releaseText(facts)), release_key: key.publicKey };
};

/** The last four bytes of a gzip file (RFC 1952 §2.3.1); programs stay far below the 4 GiB that they can say. */
const unpackedSize = async (path: string, size: number): Promise<number> => {
  await using file = await open(path);
  const { buffer } = await file.read(Buffer.alloc(4), 0, 4, size - 4);
  return buffer.readUInt32LE();
};

const text = (path: string): Promise<string | undefined> => readFile(path, "utf8").catch(unlessMissing);

const unlessMissing = (err: NodeJS.ErrnoException): undefined => {
  if (err.code === "ENOENT" || err.code === "ENOTDIR") return undefined;
  throw err;
};
