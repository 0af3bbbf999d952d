import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { AppError } from "../../shared/errors.ts";
import type { Content } from "./content.ts";
import { padded, TAR_END, tarHeader, tarHeaderLength } from "./tarHeader.ts";
import { listMembers, type Member } from "./walk.ts";

const CHUNK = 1024 ** 2;

/** An uncompressed tar that is made as it is read, from any byte on: none of it lies anywhere. */
export interface Archive extends Content {
  readonly members: readonly Member[];
}

/** Of a file or folder. The same files give the same bytes, whoever owns them and whenever they were written. */
export const planArchive = (root: string): Archive => {
  const members = listMembers(root);
  const size = members.reduce((sum, member) => sum + lengthOf(member), TAR_END.length);
  return { members, size, read: (from = 0) => readArchive(members, from) };
};

const entryOf = ({ name, kind, stats, target }: Member) => ({
  name,
  kind,
  mode: stats.mode & 0o777,
  size: kind === "file" ? stats.size : 0,
  target,
});

const lengthOf = (member: Member): number => {
  const entry = entryOf(member);
  return tarHeaderLength(entry) + padded(entry.size);
};

function* readArchive(members: readonly Member[], from: number): Generator<Uint8Array, void> {
  let skip = from;
  /** What is left of a piece when what is not wanted has been taken off its beginning. */
  const rest = (piece: Uint8Array): Uint8Array => {
    const left = piece.subarray(Math.min(skip, piece.length));
    skip -= piece.length - left.length;
    return left;
  };
  for (const member of members) {
    const length = skip > 0 ? lengthOf(member) : 0;
    if (skip > 0 && skip >= length) {
      skip -= length;
      continue;
    }
    yield rest(tarHeader(entryOf(member)));
    if (member.kind !== "file") continue;
    const { size } = member.stats;
    const begin = Math.min(skip, size);
    skip -= begin;
    yield* readFile(member, begin);
    yield rest(new Uint8Array(padded(size) - size));
  }
  yield rest(TAR_END);
}

/** What was seen when the archive was planned is what has to be there: anything else would be a file that never was. */
function* readFile({ source, stats }: Member, from: number): Generator<Uint8Array, void> {
  const file = openSync(source, "r");
  try {
    const check = () => {
      const { size, mtimeMs } = fstatSync(file);
      if (size !== stats.size || mtimeMs !== stats.mtimeMs) throw hasChanged(source);
    };
    check();
    const piece = new Uint8Array(Math.min(CHUNK, stats.size - from));
    for (let at = from; at < stats.size; ) {
      const length = readSync(file, piece, 0, Math.min(piece.length, stats.size - at), at);
      if (length === 0) throw hasChanged(source);
      at += length;
      yield piece.subarray(0, length);
    }
    check();
  } finally {
    closeSync(file);
  }
}

const hasChanged = (path: string): AppError =>
  new AppError("conflict", `The file '${path}' changed while it was read`, {
    hint: "Try again when nothing writes to it, or exclude it with .dstackignore",
  });
