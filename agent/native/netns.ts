import { FFIType, ptr, read } from "bun:ffi";
import { closeSync, openSync } from "node:fs";
import { openLibc } from "../../shared/native/libc.ts";

// Linux: <sched.h>, <bits/socket.h>, <errno.h>; the same on x86-64 and arm64.
const CLONE_NEWNET = 0x4000_0000;
const [AF_INET, AF_INET6] = [2, 10];
const SOCK_STREAM_CLOEXEC_NONBLOCK = 0o1 | 0o2_000_000 | 0o4_000;
const EINPROGRESS = 115;
const POLLOUT = 4;
const [SOL_SOCKET, SO_REUSEADDR, SO_ERROR] = [1, 2, 4];

const open = () =>
  openLibc({
    setns: { args: [FFIType.i32, FFIType.i32], returns: FFIType.i32 },
    socket: { args: [FFIType.i32, FFIType.i32, FFIType.i32], returns: FFIType.i32 },
    connect: { args: [FFIType.i32, FFIType.ptr, FFIType.u32], returns: FFIType.i32 },
    poll: { args: [FFIType.ptr, FFIType.u64, FFIType.i32], returns: FFIType.i32 },
    getsockopt: {
      args: [FFIType.i32, FFIType.i32, FFIType.i32, FFIType.ptr, FFIType.ptr],
      returns: FFIType.i32,
    },
    setsockopt: {
      args: [FFIType.i32, FFIType.i32, FFIType.i32, FFIType.ptr, FFIType.u32],
      returns: FFIType.i32,
    },
    bind: { args: [FFIType.i32, FFIType.ptr, FFIType.u32], returns: FFIType.i32 },
    listen: { args: [FFIType.i32, FFIType.i32], returns: FFIType.i32 },
    getsockname: { args: [FFIType.i32, FFIType.ptr, FFIType.ptr], returns: FFIType.i32 },
    close: { args: [FFIType.i32], returns: FFIType.i32 },
    __errno_location: { args: [], returns: FFIType.ptr },
  });
let libc: ReturnType<typeof open>;
/** This program's own network, to return to. */
let own: number | undefined;

type ConnectState = "connected" | "pending" | "failed";

/** A descriptor of a TCP socket that connects to a port of some network's loopback. Whoever has it owns it. */
export interface Connecting {
  fd: number;
  /** `pending`: the other side has not answered yet, for its queue is full. Cheap, never waits, and never changes back. */
  state(): ConnectState;
  close(): void;
}

/**
 * Connects to a port in the network that another process is in (setns(2): a socket stays in the network in which it was
 * made). `[]`: nobody listens there, or the process is gone; else one for each family that may be answered. `forbidden`:
 * this process may not enter that network, for which it needs CAP_SYS_ADMIN in the network's user namespace.
 */
export const connectIn = (pid: number, port: number): Connecting[] | "forbidden" =>
  within(pid, (c) => connectHere(c, port)) ?? [];

/** A socket that listens at the loopback of some network. Whoever has it owns it. */
export interface Listening {
  fd: number;
  port: number;
}

/** As {@link connectIn}; port 0: one that is free. `taken`: the port cannot be had; undefined: the process is gone. */
export const listenIn = (pid: number, port: number): Listening | "taken" | "forbidden" | undefined =>
  within(pid, (c) => listenHere(c, port));

type Libc = NonNullable<ReturnType<typeof open>>;

/** What it opens is, and stays, in the network that another process is in. */
const within = <T>(pid: number, act: (c: Libc) => T): T | "forbidden" | undefined => {
  libc ??= open();
  if (!libc) return "forbidden";
  own ??= openSync("/proc/thread-self/ns/net", "r");
  const there = openIfThere(`/proc/${pid}/ns/net`);
  if (there === undefined) return undefined;
  const hasEntered = libc.setns(there, CLONE_NEWNET) === 0;
  closeSync(there);
  if (!hasEntered) return "forbidden";
  try {
    return act(libc);
  } finally {
    // This thread is the whole of the program: anywhere else it would talk to nobody it knows.
    if (libc.setns(own, CLONE_NEWNET) !== 0) process.abort();
  }
};

const BACKLOG = 128;

const listenHere = (c: Libc, port: number): Listening | "taken" => {
  const { family, bytes } = loopback4(port);
  const fd = c.socket(family, SOCK_STREAM_CLOEXEC_NONBLOCK, 0);
  if (fd < 0) return "taken";
  c.setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, ptr(Int32Array.of(1)), 4);
  const isBound = c.bind(fd, ptr(bytes), bytes.length) === 0 && c.listen(fd, BACKLOG) === 0;
  if (isBound && c.getsockname(fd, ptr(bytes), ptr(Uint32Array.of(bytes.length))) === 0)
    return { fd, port: new DataView(bytes.buffer).getUint16(2) };
  c.close(fd);
  return "taken";
};

/** Where the first one is answered at once the second is not asked: a service that has both would be called twice. */
const connectHere = (c: Libc, port: number): Connecting[] => {
  const first = connectTo(c, loopback4(port));
  return first?.state() === "connected" ? [first] : [first, connectTo(c, loopback6(port))].filter(isThere);
};

const isThere = <T>(one: T | undefined): one is T => one !== undefined;

const connectTo = (c: Libc, { family, bytes }: Address): Connecting | undefined => {
  const fd = c.socket(family, SOCK_STREAM_CLOEXEC_NONBLOCK, 0);
  if (fd < 0) return undefined;
  const isBegun = c.connect(fd, ptr(bytes), bytes.length) === 0 || errnoOf(c) === EINPROGRESS;
  const close = () => void c.close(fd);
  let state: ConnectState = "pending";
  const look = () => {
    // Whoever asks for an error takes it away, and what has failed looks connected from then on.
    if (state === "pending") state = stateOf(c, fd);
    return state;
  };
  if (isBegun) return { fd, state: look, close };
  close();
  return undefined;
};

const stateOf = (c: Libc, fd: number): ConnectState => {
  // struct pollfd.
  const asked = new DataView(new ArrayBuffer(8));
  asked.setInt32(0, fd, true);
  asked.setInt16(4, POLLOUT, true);
  if (c.poll(ptr(asked.buffer), 1, 0) === 0) return "pending";
  const [error, length] = [new Int32Array(1), Uint32Array.of(4)];
  if (c.getsockopt(fd, SOL_SOCKET, SO_ERROR, ptr(error), ptr(length)) !== 0) return "failed";
  return error[0] === 0 ? "connected" : "failed";
};

const errnoOf = (c: Libc): number => {
  const at = c.__errno_location();
  return at === null ? 0 : read.i32(at, 0);
};

interface Address {
  family: number;
  bytes: Uint8Array;
}

/** struct sockaddr_in of 127.0.0.1. */
const loopback4 = (port: number): Address => {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, AF_INET, true);
  view.setUint16(2, port);
  bytes.set([127, 0, 0, 1], 4);
  return { family: AF_INET, bytes };
};

/** struct sockaddr_in6 of ::1. */
const loopback6 = (port: number): Address => {
  const bytes = new Uint8Array(28);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, AF_INET6, true);
  view.setUint16(2, port);
  bytes[23] = 1;
  return { family: AF_INET6, bytes };
};

const openIfThere = (path: string): number | undefined => {
  try {
    return openSync(path, "r");
  } catch (err) {
    if (["ENOENT", "EACCES"].includes((err as NodeJS.ErrnoException).code ?? "")) return undefined;
    throw err;
  }
};
