const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const DT_RELA = 7;
const DT_RELASZ = 8;
const DT_RELRSZ = 35;
const DT_RELR = 36;
const DT_RELRENT = 37;
/** In the range of tags that no loader knows. */
const DT_IGNORED = 0x6ffffdf0;
const R_X86_64_RELATIVE = 8;
const DYNAMIC_BYTES = 16;
const RELA_BYTES = 24;
const HEADER_BYTES = 56;

interface Segment {
  type: number;
  /** Where its header is. */
  header: number;
  offset: number;
  address: number;
  size: number;
}

/**
 * A library for x86-64 without its packed relocations (DT_RELR), which musl reads only since 1.2.4, and Debian's is older: they
 * are among the ordinary ones instead, in a table at the end of the file.
 */
export const withoutRelr = (library: Buffer): Buffer => {
  const segments = segmentsOf(library);
  const dynamic = segments.find(({ type }) => type === PT_DYNAMIC);
  const loaded = segments.filter(({ type }) => type === PT_LOAD);
  const last = loaded.toSorted((a, b) => a.address - b.address).at(-1);
  if (!dynamic || !last) throw new Error("This is no library");
  const tags = new Map<number, number>();
  for (let at = dynamic.offset; at < dynamic.offset + dynamic.size; at += DYNAMIC_BYTES)
    tags.set(Number(library.readBigInt64LE(at)), at + 8);
  const read = (tag: number): number => {
    const at = tags.get(tag);
    if (at === undefined) throw new Error(`This library has no dynamic entry ${tag}`);
    return Number(library.readBigUInt64LE(at));
  };
  if (!tags.has(DT_RELR)) return library;
  const offsetOf = (address: number): number => {
    const holds = (one: Segment) => one.address <= address && address < one.address + one.size;
    const segment = loaded.find(holds);
    if (!segment) throw new Error(`Nothing is loaded at ${address}`);
    return segment.offset + address - segment.address;
  };
  const packed = library.subarray(offsetOf(read(DT_RELR))).subarray(0, read(DT_RELRSZ));
  const added = expand(packed).map((address) => {
    const entry = Buffer.alloc(RELA_BYTES);
    entry.writeBigUInt64LE(BigInt(address), 0);
    entry.writeBigUInt64LE(BigInt(R_X86_64_RELATIVE), 8);
    // What is to be added to the base stands at the place itself.
    library.copy(entry, 16, offsetOf(address), offsetOf(address) + 8);
    return entry;
  });
  const before = library.subarray(offsetOf(read(DT_RELA))).subarray(0, read(DT_RELASZ));
  const padding = Buffer.alloc(-library.length & 15);
  const changed = Buffer.concat([library, padding, before, ...added]);
  const tableAt = library.length + padding.length;
  // The last segment reaches to the end of the file from now on: its sizes there and in memory.
  for (const field of [32, 40])
    changed.writeBigUInt64LE(BigInt(changed.length - last.offset), last.header + field);
  const put = (tag: number, value: number, as = tag) => {
    const at = tags.get(tag);
    if (at === undefined) return;
    changed.writeBigInt64LE(BigInt(as), at - 8);
    changed.writeBigUInt64LE(BigInt(value), at);
  };
  put(DT_RELA, last.address + tableAt - last.offset);
  put(DT_RELASZ, before.length + added.length * RELA_BYTES);
  for (const tag of [DT_RELR, DT_RELRSZ, DT_RELRENT]) put(tag, 0, DT_IGNORED);
  return changed;
};

const segmentsOf = (file: Buffer): Segment[] => {
  const first = Number(file.readBigUInt64LE(32));
  return Array.from({ length: file.readUInt16LE(56) }, (_, at) => {
    const header = first + at * HEADER_BYTES;
    const field = (offset: number) => Number(file.readBigUInt64LE(header + offset));
    return {
      type: file.readUInt32LE(header),
      header,
      offset: field(8),
      address: field(16),
      size: field(32),
    };
  });
};

/** An even word is an address; the bits of an odd one say which of the 63 words that follow are meant too (ELF gABI, RELR). */
const expand = (packed: Buffer): number[] => {
  const addresses: number[] = [];
  let next = 0;
  for (let at = 0; at < packed.length; at += 8) {
    const word = packed.readBigUInt64LE(at);
    if ((word & 1n) === 0n) {
      addresses.push(Number(word));
      next = Number(word) + 8;
      continue;
    }
    for (let bit = 0; bit < 63; bit += 1)
      if (((word >> BigInt(bit + 1)) & 1n) === 1n) addresses.push(next + bit * 8);
    next += 63 * 8;
  }
  return addresses;
};
