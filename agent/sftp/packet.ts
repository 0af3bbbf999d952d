/** draft-ietf-secsh-filexfer-02 §3 and §4: what version 3 calls things. */
export const Type = {
  init: 1,
  version: 2,
  open: 3,
  close: 4,
  read: 5,
  write: 6,
  lstat: 7,
  fstat: 8,
  setstat: 9,
  fsetstat: 10,
  opendir: 11,
  readdir: 12,
  remove: 13,
  mkdir: 14,
  rmdir: 15,
  realpath: 16,
  stat: 17,
  rename: 18,
  readlink: 19,
  symlink: 20,
  status: 101,
  handle: 102,
  data: 103,
  name: 104,
  attrs: 105,
  extended: 200,
  extendedReply: 201,
} as const;

export const Status = {
  ok: 0,
  eof: 1,
  noSuchFile: 2,
  permissionDenied: 3,
  failure: 4,
  badMessage: 5,
  unsupported: 8,
} as const;

/** What a client sends that is no SFTP: the conversation is over. */
export class BadPacket extends Error {}

/** Reads the fields of a packet, one after another. */
export class PacketReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  u8(): number {
    return this.#take(1).readUInt8();
  }

  u32(): number {
    return this.#take(4).readUInt32BE();
  }

  u64(): bigint {
    return this.#take(8).readBigUInt64BE();
  }

  bytes(): Buffer {
    return this.#take(this.u32());
  }

  text(): string {
    return this.bytes().toString("latin1");
  }

  /** For a system call, where a zero ends it. */
  path(): Buffer {
    const path = this.bytes();
    if (path.includes(0)) throw new BadPacket("a path with a zero in it");
    return path.length === 0 ? Buffer.from(".") : path;
  }

  #take(length: number): Buffer {
    const end = this.#at + length;
    if (end > this.#bytes.length) throw new BadPacket("a packet that is too short");
    const taken = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return taken;
  }
}

export const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
};

export const u64 = (value: bigint): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt.asUintN(64, value));
  return bytes;
};

export const string = (value: string | Uint8Array): Buffer => {
  const bytes = Buffer.from(value as Uint8Array);
  return Buffer.concat([u32(bytes.length), bytes]);
};

/** A whole packet, its length in front. */
export const packet = (type: number, ...fields: Uint8Array[]): Buffer => {
  const length = fields.reduce((sum, field) => sum + field.length, 1);
  return Buffer.concat([u32(length), Uint8Array.of(type), ...fields]);
};
