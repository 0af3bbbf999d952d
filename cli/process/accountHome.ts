import { CString, type Pointer, read } from "bun:ffi";
import { libc } from "./libc.ts";

/** Where `pw_dir` is in `struct passwd`. */
const PW_DIR = process.platform === "darwin" ? 48 : 32;

/** The home that the system has for this account, whatever HOME says; undefined: it knows no such account. */
export const accountHome = (): string | undefined => {
  const entry = libc()?.getpwuid(process.getuid?.() ?? 0);
  return entry ? new CString(read.ptr(entry, PW_DIR) as Pointer).toString() : undefined;
};
