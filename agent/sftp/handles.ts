import { closeSync, fstatSync, openSync, readdirSync } from "node:fs";
import { BadPacket } from "./packet.ts";

export interface OpenFile {
  fd: number;
  isAppended: boolean;
}

interface OpenFolder {
  path: Buffer;
  /** Names that were not told yet. */
  left: Buffer[];
}

const MOST = 512;
const FLAG = { read: 1, write: 2, append: 4, create: 8, truncate: 16, exclusive: 32 } as const;
// Linux: <fcntl.h>; the same on x86-64 and arm64.
const O = {
  wronly: 1,
  rdwr: 2,
  creat: 0o100,
  excl: 0o200,
  noctty: 0o400,
  trunc: 0o1000,
  append: 0o2000,
  nonblock: 0o4000,
};

/** A refusal in the words of a system call. */
export const refusal = (code: string): Error => Object.assign(new Error(code), { code });

/** The files and folders that a client has open. */
export class Handles {
  readonly #open = new Map<number, OpenFile | OpenFolder>();
  #next = 0;

  /**
   * Plain files alone: another thing's driver would act upon being read, and a device that a job has made for itself is
   * kept from it only by its control groups. A pipe does not keep this waiting (O_NONBLOCK).
   */
  openFile(path: Buffer, flags: number, mode: number): number {
    this.#checkRoom();
    const access = flags & FLAG.write ? (flags & FLAG.read ? O.rdwr : O.wronly) : 0;
    const isAppended = (flags & FLAG.append) !== 0;
    const how =
      access |
      (isAppended ? O.append : 0) |
      (flags & FLAG.create ? O.creat : 0) |
      (flags & FLAG.truncate ? O.trunc : 0) |
      (flags & FLAG.exclusive ? O.excl : 0);
    const fd = openSync(path, how | O.noctty | O.nonblock, mode);
    const stats = fstatSync(fd);
    if (stats.isFile()) return this.#add({ fd, isAppended });
    closeSync(fd);
    throw refusal(stats.isDirectory() ? "EISDIR" : "EACCES");
  }

  openFolder(path: Buffer): number {
    this.#checkRoom();
    return this.#add({ path, left: readdirSync(path, { encoding: "buffer" }) });
  }

  file(handle: Buffer): OpenFile {
    const found = this.#get(handle);
    if (!("fd" in found)) throw refusal("EBADF");
    return found;
  }

  folder(handle: Buffer): OpenFolder {
    const found = this.#get(handle);
    if ("fd" in found) throw refusal("EBADF");
    return found;
  }

  close(handle: Buffer): void {
    const found = this.#get(handle);
    this.#open.delete(handle.readUInt32BE());
    if ("fd" in found) closeSync(found.fd);
  }

  #get(handle: Buffer): OpenFile | OpenFolder {
    if (handle.length !== 4) throw new BadPacket("a handle that is none");
    const found = this.#open.get(handle.readUInt32BE());
    if (!found) throw refusal("EBADF");
    return found;
  }

  #add(opened: OpenFile | OpenFolder): number {
    this.#open.set(this.#next, opened);
    return this.#next++;
  }

  #checkRoom(): void {
    if (this.#open.size >= MOST) throw refusal("EMFILE");
  }
}
