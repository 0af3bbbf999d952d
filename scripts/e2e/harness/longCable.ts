/**
 * `bun longCable.ts A B DELAY_MS MBIT_PER_S`: two network devices and a cable between them that is so long and so wide,
 * until it is ended. What `tc netem` does, for kernels that lack it; needs root and /dev/net/tun. Prints "ready".
 */
import { FFIType, ptr } from "bun:ffi";
import { openSync } from "node:fs";
import { openLibc } from "../../../shared/native/libc.ts";

// Linux: <fcntl.h>, <linux/if_tun.h>, <poll.h>.
const [O_RDWR, O_NONBLOCK, O_CLOEXEC] = [0o2, 0o4_000, 0o2_000_000];
const [TUNSETIFF, TUNSETOFFLOAD] = [0x4004_54can, 0x4004_54d0n];
const [IFF_TAP, IFF_NO_PI, IFF_VNET_HDR] = [0x2, 0x1000, 0x4000];
/** Checksums and cutting into packets are left to whoever receives: up to 64 KiB pass at once, as between two veths. */
const CHECKSUM_AND_TSO = 0b111n;
const POLLIN = 1;
/** struct virtio_net_hdr, Ethernet, IP: little beside what they carry. */
const LARGEST_PACKET = 70_000;
/** A switch that has no more room drops what comes. */
const BUFFER_MS = 100;

const libc = openLibc({
  ioctl: { args: [FFIType.i32, FFIType.u64, FFIType.u64], returns: FFIType.i32 },
  read: { args: [FFIType.i32, FFIType.ptr, FFIType.u64], returns: FFIType.i64_fast },
  write: { args: [FFIType.i32, FFIType.ptr, FFIType.u64], returns: FFIType.i64_fast },
  ppoll: { args: [FFIType.ptr, FFIType.u64, FFIType.ptr, FFIType.ptr], returns: FFIType.i32 },
});
if (!libc) throw new Error("The C library cannot be loaded");
const c = libc;

interface Packet {
  bytes: Uint8Array;
  dueNs: number;
}

/** One direction. */
interface Lane {
  from: number;
  to: number;
  packets: Packet[];
  /** Until then the wire is busy with what came before. */
  freeNs: number;
}

const openDevice = (name: string): number => {
  const fd = openSync("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  // struct ifreq: a name of 16 bytes, and flags.
  const request = Buffer.alloc(40);
  request.write(name);
  request.writeUInt16LE(IFF_TAP | IFF_NO_PI | IFF_VNET_HDR, 16);
  if (c.ioctl(fd, TUNSETIFF, BigInt(ptr(request))) !== 0) throw new Error(`No device "${name}" can be made`);
  if (c.ioctl(fd, TUNSETOFFLOAD, CHECKSUM_AND_TSO) !== 0)
    throw new Error(`"${name}" cannot carry large packets`);
  return fd;
};

const buffer = new Uint8Array(LARGEST_PACKET);
const bufferAt = ptr(buffer);

const carry = (lane: Lane, delayNs: number, nsPerByte: number): void => {
  for (;;) {
    const length = Number(c.read(lane.from, bufferAt, LARGEST_PACKET));
    if (length <= 0) break;
    const now = Bun.nanoseconds();
    lane.freeNs = Math.max(lane.freeNs, now);
    if (lane.freeNs - now > BUFFER_MS * 1e6) continue;
    lane.freeNs += length * nsPerByte;
    lane.packets.push({ bytes: buffer.slice(0, length), dueNs: lane.freeNs + delayNs });
  }
  const now = Bun.nanoseconds();
  let sent = 0;
  for (const { bytes, dueNs } of lane.packets) {
    if (dueNs > now) break;
    c.write(lane.to, ptr(bytes), bytes.length);
    sent += 1;
  }
  if (sent > 0) lane.packets.splice(0, sent);
};

const run = (a: number, b: number, { delayNs, nsPerByte }: { delayNs: number; nsPerByte: number }): never => {
  const lanes: Lane[] = [
    { from: a, to: b, packets: [], freeNs: 0 },
    { from: b, to: a, packets: [], freeNs: 0 },
  ];
  // struct pollfd, twice.
  const polled = new DataView(new ArrayBuffer(16));
  for (const [at, fd] of [a, b].entries()) {
    polled.setInt32(8 * at, fd, true);
    polled.setInt16(8 * at + 4, POLLIN, true);
  }
  const timeout = new BigInt64Array(2);
  for (;;) {
    for (const lane of lanes) carry(lane, delayNs, nsPerByte);
    const next = Math.min(...lanes.map(({ packets }) => packets[0]?.dueNs ?? Number.POSITIVE_INFINITY));
    const waitNs = Math.max(0, next - Bun.nanoseconds());
    timeout[1] = BigInt(Math.round(Math.min(waitNs, 999_000_000)));
    c.ppoll(ptr(polled.buffer), 2, ptr(timeout), null);
  }
};

const [nameA = "", nameB = "", delayMs, mbitPerS] = Bun.argv.slice(2);
const [a, b] = [openDevice(nameA), openDevice(nameB)];
process.stdout.write("ready\n");
run(a, b, { delayNs: Number(delayMs) * 1e6, nsPerByte: 8_000 / Number(mbitPerS) });
