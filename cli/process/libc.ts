import { dlopen, FFIType } from "bun:ffi";

const NAMES =
  process.platform === "darwin"
    ? ["libSystem.B.dylib"]
    : ["libc.so.6", `libc.musl-${process.arch === "arm64" ? "aarch64" : "x86_64"}.so.1`];

const open = () => {
  for (const name of NAMES) {
    try {
      return dlopen(name, {
        flock: { args: [FFIType.i32, FFIType.i32], returns: FFIType.i32 },
        getpwuid: { args: [FFIType.u32], returns: FFIType.ptr },
        sigaction: { args: [FFIType.i32, FFIType.ptr, FFIType.ptr], returns: FFIType.i32 },
      }).symbols;
    } catch {
      // The other C library, or none that can be loaded: the caller goes without.
    }
  }
  return undefined;
};
let opened: ReturnType<typeof open>;

/** What Bun has no other way to; undefined where the C library cannot be loaded. */
export const libc = (): ReturnType<typeof open> => {
  opened ??= open();
  return opened;
};
