import { FFIType } from "bun:ffi";
import { closeSync } from "node:fs";
import { openLibc } from "../../shared/native/libc.ts";

/** The same number on every architecture (pidfd_open(2)). */
const SYS_PIDFD_OPEN = 434;
/** `_IOWR(0xFF, 11, struct pidfd_info)` of its first version, and what is asked for (linux/pidfd.h). */
const PIDFD_GET_INFO = 0xc040_ff0bn;
const INFO_BYTES = 64;
const INFO_EXIT = 8n;
const EXIT_CODE_AT = 60;

/** A process that is not a child of this one. */
export interface WatchedProcess extends Disposable {
  /** As wait(2) gives it to the parent; undefined: it still runs, or the kernel (before Linux 6.15) does not keep it. */
  waitStatus(): number | undefined;
}

/** Undefined: it is gone, or this system has no such thing. */
export const watchProcess = (pid: number): WatchedProcess | undefined => {
  if (process.platform !== "linux") return undefined;
  const libc = openLibc({
    syscall: { args: [FFIType.i64, FFIType.i64, FFIType.i64], returns: FFIType.i64 },
    ioctl: { args: [FFIType.i32, FFIType.u64, FFIType.ptr], returns: FFIType.i32 },
  });
  if (!libc) return undefined;
  const fd = Number(libc.syscall(SYS_PIDFD_OPEN, pid, 0));
  if (fd < 0) return undefined;
  return {
    waitStatus: () => {
      const info = new DataView(new ArrayBuffer(INFO_BYTES));
      info.setBigUint64(0, INFO_EXIT, true);
      if (libc.ioctl(fd, PIDFD_GET_INFO, new Uint8Array(info.buffer)) !== 0) return undefined;
      const isKept = (info.getBigUint64(0, true) & INFO_EXIT) !== 0n;
      return isKept ? info.getInt32(EXIT_CODE_AT, true) : undefined;
    },
    [Symbol.dispose]: () => closeSync(fd),
  };
};

/** The signal that ended a process, of its wait status (`WTERMSIG` of wait(2)); 0: it has exited by itself. */
export const signalIn = (waitStatus: number): number => waitStatus & 0x7f;
