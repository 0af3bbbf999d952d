import {
  chmodSync,
  chownSync,
  fchmodSync,
  fchownSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  futimesSync,
  lchownSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  readlinkSync,
  readSync,
  renameSync,
  rmdirSync,
  type Stats,
  statfsSync,
  statSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeSync,
} from "node:fs";
import { posix } from "node:path";
import { attributesOf, longName, readAttributes, type Wanted } from "./attributes.ts";
import { Handles, refusal } from "./handles.ts";
import { BadPacket, PacketReader, packet, Status, string, Type, u32, u64 } from "./packet.ts";

export interface SftpPlace {
  /** Relative paths are under it; this process is in it. */
  cwd: string;
  /** `~`. */
  home: string;
}

/** OpenSSH's server takes as much (`limits@openssh.com`). */
export const LONGEST_PACKET = 256 * 1024;
const LONGEST_READ = LONGEST_PACKET - 1024;
const NAMES_AT_ONCE = 100;
const VERSION = 3;
const EXTENSIONS: readonly [name: string, version: string][] = [
  ["posix-rename@openssh.com", "1"],
  ["hardlink@openssh.com", "1"],
  ["fsync@openssh.com", "1"],
  ["lsetstat@openssh.com", "1"],
  ["statvfs@openssh.com", "2"],
  ["limits@openssh.com", "1"],
  ["expand-path@openssh.com", "1"],
];
const MEANING: Record<string, number> = {
  ENOENT: Status.noSuchFile,
  ENOTDIR: Status.noSuchFile,
  EACCES: Status.permissionDenied,
  EPERM: Status.permissionDenied,
  EROFS: Status.permissionDenied,
};

/**
 * The server's side of SFTP version 3, with OpenSSH's extensions, for the files that this very process may reach and with
 * its rights: what a client may do is for the kernel to say. One request at a time.
 */
export class SftpServer {
  readonly #place: SftpPlace;
  readonly #handles = new Handles();
  readonly #buffer = Buffer.alloc(LONGEST_READ);
  #isGreeted = false;

  constructor(place: SftpPlace) {
    this.#place = place;
  }

  /** The answer to a packet (without its length). Throws {@link BadPacket}, after which nothing is to be said. */
  answer(request: Buffer): Buffer {
    const reader = new PacketReader(request);
    const type = reader.u8();
    if (type === Type.init && !this.#isGreeted) {
      this.#isGreeted = true;
      reader.u32();
      const extensions = EXTENSIONS.flatMap(([name, version]) => [string(name), string(version)]);
      return packet(Type.version, u32(VERSION), ...extensions);
    }
    if (!this.#isGreeted) throw new BadPacket("a request before the greeting");
    const id = u32(reader.u32());
    try {
      const act = this.#acts[type];
      const [answer, ...fields] = act ? act(reader) : status(Status.unsupported, "Not supported");
      return packet(answer, id, ...fields);
    } catch (err) {
      const { code } = err as NodeJS.ErrnoException;
      if (code === undefined) throw err;
      const [answer, ...fields] = status(MEANING[code] ?? Status.failure, code);
      return packet(answer, id, ...fields);
    }
  }

  readonly #acts: Record<number, (reader: PacketReader) => Answer> = {
    [Type.open]: (r) => {
      const [path, flags, { mode = 0o666 }] = [r.path(), r.u32(), readAttributes(r)];
      return handle(this.#handles.openFile(path, flags, mode));
    },
    [Type.close]: (r) => done(this.#handles.close(r.bytes())),
    [Type.read]: (r) => {
      const [{ fd }, at, length] = [this.#handles.file(r.bytes()), Number(r.u64()), r.u32()];
      const read = readSync(fd, this.#buffer, 0, Math.min(length, LONGEST_READ), at);
      return read === 0 && length > 0
        ? status(Status.eof, "End of file")
        : [Type.data, string(this.#buffer.subarray(0, read))];
    },
    [Type.write]: (r) => {
      const [{ fd, isAppended }, at, bytes] = [this.#handles.file(r.bytes()), Number(r.u64()), r.bytes()];
      for (let sent = 0; sent < bytes.length; )
        sent += writeSync(fd, bytes, sent, bytes.length - sent, isAppended ? null : at + sent);
      return done();
    },
    [Type.lstat]: (r) => attributes(lstatSync(r.path())),
    [Type.stat]: (r) => attributes(statSync(r.path())),
    [Type.fstat]: (r) => attributes(fstatSync(this.#handles.file(r.bytes()).fd)),
    [Type.setstat]: (r) => done(setAttributes(r.path(), readAttributes(r))),
    [Type.fsetstat]: (r) => done(setOpenAttributes(this.#handles.file(r.bytes()).fd, readAttributes(r))),
    [Type.opendir]: (r) => handle(this.#handles.openFolder(r.path())),
    [Type.readdir]: (r) => {
      const { path, left } = this.#handles.folder(r.bytes());
      const names = left.splice(0, NAMES_AT_ONCE).flatMap((name) => entryOf(path, name));
      if (names.length > 0) return [Type.name, u32(names.length), ...names];
      return left.length > 0 ? [Type.name, u32(0)] : status(Status.eof, "End of folder");
    },
    [Type.remove]: (r) => done(unlinkSync(r.path())),
    [Type.mkdir]: (r) => done(mkdirSync(r.path(), { mode: readAttributes(r).mode ?? 0o777 })),
    [Type.rmdir]: (r) => done(rmdirSync(r.path())),
    [Type.realpath]: (r) => oneName(this.#absolute(r.path())),
    [Type.rename]: (r) => {
      const [from, to] = [r.path(), r.path()];
      // Of this version: nothing is replaced.
      if (lstatSync(to, { throwIfNoEntry: false })) throw refusal("EEXIST");
      return done(renameSync(from, to));
    },
    [Type.readlink]: (r) => oneName(readlinkSync(r.path(), { encoding: "buffer" })),
    // In OpenSSH's order, which all clients know by now, and not in that of the draft.
    [Type.symlink]: (r) => done(symlinkSync(r.path(), r.path())),
    [Type.extended]: (r) => this.#extensions[r.text()]?.(r) ?? status(Status.unsupported, "Not supported"),
  };

  readonly #extensions: Record<string, (reader: PacketReader) => Answer> = {
    "posix-rename@openssh.com": (r) => done(renameSync(r.path(), r.path())),
    "hardlink@openssh.com": (r) => done(linkSync(r.path(), r.path())),
    "fsync@openssh.com": (r) => done(fsyncSync(this.#handles.file(r.bytes()).fd)),
    "lsetstat@openssh.com": (r) => done(setLinkAttributes(r.path(), readAttributes(r))),
    "expand-path@openssh.com": (r) => oneName(this.#expand(r.path())),
    "limits@openssh.com": () => [
      Type.extendedReply,
      ...[LONGEST_PACKET, LONGEST_READ, LONGEST_READ, 0].map((limit) => u64(BigInt(limit))),
    ],
    "statvfs@openssh.com": (r) => {
      const { bsize, blocks, bfree, bavail, files, ffree } = statfsSync(r.path());
      const facts = [bsize, bsize, blocks, bfree, bavail, files, ffree, ffree, 0, 0, 255];
      return [Type.extendedReply, ...facts.map((fact) => u64(BigInt(fact)))];
    },
  };

  /** By its text alone: what of it is a link stays one. */
  #absolute(path: Buffer): Buffer {
    return Buffer.from(posix.resolve(latin1(this.#place.cwd), path.toString("latin1")), "latin1");
  }

  #expand(path: Buffer): Buffer {
    const text = path.toString("latin1");
    if (text !== "~" && !text.startsWith("~/")) return this.#absolute(path);
    return Buffer.from(posix.join(latin1(this.#place.home), text.slice(1)), "latin1");
  }
}

/** Bytes as letters: paths are bytes, and need not be text. */
const latin1 = (text: string): string => Buffer.from(text).toString("latin1");

type Answer = [type: number, ...fields: Uint8Array[]];

const status = (code: number, words: string): Answer => [Type.status, u32(code), string(words), string("")];
/** Of a call that is made for what it does. */
const done = (_result?: unknown): Answer => status(Status.ok, "");
const handle = (number: number): Answer => [Type.handle, string(u32(number))];
const attributes = (stats: Stats): Answer => [Type.attrs, attributesOf(stats)];
const oneName = (name: Buffer): Answer => [Type.name, u32(1), string(name), string(name), u32(0)];

/** Nothing, where it is gone by now. */
const entryOf = (folder: Buffer, name: Buffer): Uint8Array[] => {
  const stats = lstatSync(Buffer.concat([folder, Buffer.from("/"), name]), { throwIfNoEntry: false });
  return stats ? [Buffer.concat([string(name), string(longName(name, stats)), attributesOf(stats)])] : [];
};

const setAttributes = (path: Buffer, { size, owner, mode, times }: Wanted): void => {
  if (size !== undefined) truncateSync(path, size);
  if (mode !== undefined) chmodSync(path, mode);
  if (times) utimesSync(path, times.atime, times.mtime);
  if (owner) chownSync(path, owner.uid, owner.gid);
};

const setOpenAttributes = (fd: number, { size, owner, mode, times }: Wanted): void => {
  if (size !== undefined) ftruncateSync(fd, size);
  if (mode !== undefined) fchmodSync(fd, mode);
  if (times) futimesSync(fd, times.atime, times.mtime);
  if (owner) fchownSync(fd, owner.uid, owner.gid);
};

/** A link's own; it has no rights that could be changed. */
const setLinkAttributes = (path: Buffer, { owner, times }: Wanted): void => {
  if (times) lutimesSync(path, times.atime, times.mtime);
  if (owner) lchownSync(path, owner.uid, owner.gid);
};
