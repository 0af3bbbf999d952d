import type { Stats } from "node:fs";
import { type PacketReader, u32, u64 } from "./packet.ts";

const HAS = { size: 1, owner: 2, permissions: 4, times: 8, extended: 0x8000_0000 } as const;

/** What a client wants a file to have; absent: as it is. */
export interface Wanted {
  size?: number;
  owner?: { uid: number; gid: number };
  mode?: number;
  times?: { atime: number; mtime: number };
}

export const readAttributes = (reader: PacketReader): Wanted => {
  const flags = reader.u32();
  const wanted: Wanted = {};
  if (flags & HAS.size) wanted.size = Number(reader.u64());
  if (flags & HAS.owner) wanted.owner = { uid: reader.u32(), gid: reader.u32() };
  if (flags & HAS.permissions) wanted.mode = reader.u32() & 0o7777;
  if (flags & HAS.times) wanted.times = { atime: reader.u32(), mtime: reader.u32() };
  return wanted;
};

const seconds = (ms: number): Buffer => u32(Math.floor(ms / 1000));

export const attributesOf = (stats: Stats): Buffer =>
  Buffer.concat([
    u32(HAS.size | HAS.owner | HAS.permissions | HAS.times),
    u64(BigInt(stats.size)),
    u32(stats.uid),
    u32(stats.gid),
    u32(stats.mode),
    seconds(stats.atimeMs),
    seconds(stats.mtimeMs),
  ]);

const KINDS: readonly [mask: number, letter: string][] = [
  [0o040000, "d"],
  [0o120000, "l"],
  [0o060000, "b"],
  [0o020000, "c"],
  [0o010000, "p"],
  [0o140000, "s"],
];

/** As `ls -l` would show it: clients print it, some of them read it. */
export const longName = (name: Uint8Array, stats: Stats): Buffer => {
  const kind = KINDS.find(([mask]) => (stats.mode & 0o170000) === mask)?.[1] ?? "-";
  const rights = [6, 3, 0].map((shift) => {
    const bits = (stats.mode >> shift) & 7;
    return `${bits & 4 ? "r" : "-"}${bits & 2 ? "w" : "-"}${bits & 1 ? "x" : "-"}`;
  });
  const time = stats.mtime.toISOString().slice(0, 16).replace("T", " ");
  const facts = [stats.nlink, stats.uid, stats.gid, stats.size].map((fact) => String(fact).padStart(8));
  return Buffer.concat([Buffer.from(`${kind}${rights.join("")} ${facts.join(" ")} ${time} `), name]);
};
