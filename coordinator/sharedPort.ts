import { FFIType, ptr } from "bun:ffi";
import { readdirSync } from "node:fs";
import { openLibc } from "../shared/native/libc.ts";

/** asm-generic/socket.h, as on all architectures that this runs on. */
const SOL_SOCKET = 1;
const SO_REUSEPORT = 15;
const SO_ACCEPTCONN = 30;
const SO_ATTACH_REUSEPORT_CBPF = 51;
/** `BPF_RET | BPF_K` (linux/filter.h): answers a constant. */
const ANSWER_CONSTANT = 0x06;
/** Of `sockaddr_in` and `sockaddr_in6`; in both the port is in bytes 2 and 3, the high one first. */
const ADDRESS_BYTES = 28;

/**
 * Several sockets of this process on one port, one of which gets all new connections (SO_REUSEPORT in socket(7)): so one
 * takes over from another while connections that are being made, or wait to be accepted, stay with the one that has them.
 */
export interface SharedPort {
  /** The sockets that listen on this port now. */
  listeners(port: number): number[];
  /** Lets others of this user listen on its port, too. */
  share(socket: number): boolean;
  /** From now on the one that is `index`th of those that share the port gets new connections. */
  steer(socket: number, index: number): boolean;
}

/** Undefined where the system has no such thing: it is Linux's. */
export const openSharedPort = (): SharedPort | undefined => {
  if (process.platform !== "linux") return undefined;
  const optionArgs = [FFIType.i32, FFIType.i32, FFIType.i32, FFIType.ptr] as const;
  const libc = openLibc({
    getsockopt: { args: [...optionArgs, FFIType.ptr], returns: FFIType.i32 },
    setsockopt: { args: [...optionArgs, FFIType.u32], returns: FFIType.i32 },
    getsockname: { args: [FFIType.i32, FFIType.ptr, FFIType.ptr], returns: FFIType.i32 },
  });
  if (!libc) return undefined;
  const isListening = (socket: number): boolean => {
    const [value, size] = [new Int32Array(1), new Uint32Array([4])];
    return libc.getsockopt(socket, SOL_SOCKET, SO_ACCEPTCONN, value, size) === 0 && value[0] === 1;
  };
  const portOf = (socket: number): number => {
    const [address, size] = [new Uint8Array(ADDRESS_BYTES), new Uint32Array([ADDRESS_BYTES])];
    return libc.getsockname(socket, address, size) === 0 ? new DataView(address.buffer).getUint16(2) : 0;
  };
  return {
    listeners: (port) =>
      readdirSync("/proc/self/fd")
        .map(Number)
        .filter((fd) => isListening(fd) && portOf(fd) === port),
    share: (socket) => libc.setsockopt(socket, SOL_SOCKET, SO_REUSEPORT, new Int32Array([1]), 4) === 0,
    steer: (socket, index) => {
      // `struct sock_filter`: code, two jumps, the constant.
      const filter = new DataView(new ArrayBuffer(8));
      filter.setUint16(0, ANSWER_CONSTANT, true);
      filter.setUint32(4, index, true);
      const filterBytes = new Uint8Array(filter.buffer);
      // `struct sock_fprog`: how many, and where.
      const program = new DataView(new ArrayBuffer(16));
      program.setUint16(0, 1, true);
      program.setBigUint64(8, BigInt(ptr(filterBytes)), true);
      const programBytes = new Uint8Array(program.buffer);
      return libc.setsockopt(socket, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, programBytes, 16) === 0;
    },
  };
};
