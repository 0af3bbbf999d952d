import { dlopen, type FFIFunction } from "bun:ffi";

const NAMES = ["libc.so.6", `libc.musl-${process.arch === "arm64" ? "aarch64" : "x86_64"}.so.1`];

/** Functions of the C library that Bun has no other way to; undefined where neither library can be loaded. */
export const openLibc = <const F extends Record<string, FFIFunction>>(functions: F) => {
  for (const name of NAMES) {
    try {
      return dlopen(name, functions).symbols;
    } catch {
      // The other C library, or none that can be loaded: the caller goes without.
    }
  }
  return undefined;
};
