import { FFIType, ptr } from "bun:ffi";
import { closeSync, openSync, writeSync } from "node:fs";
import { delay } from "../../shared/async/delay.ts";
import { AppError } from "../../shared/errors.ts";
import { openLibc } from "../../shared/native/libc.ts";
import { changeModes, type TerminalModes } from "./terminalModes.ts";

// Linux: <fcntl.h>, <asm-generic/ioctls.h>; the same on x86-64 and arm64.
const [O_RDWR, O_NOCTTY, O_NONBLOCK, O_CLOEXEC] = [0o2, 0o400, 0o4_000, 0o2_000_000];
const TIOCSWINSZ = 0x5414n;
const TIOCGPGRP = 0x540fn;
const [TCGETS, TCSETS] = [0x5401n, 0x5402n];

export interface TerminalSize {
  cols: number;
  rows: number;
}

/** A terminal as somebody wants it; absent modes are those of any that is opened. */
export interface TerminalWish extends TerminalSize {
  modes?: TerminalModes | undefined;
}

/** A pseudo-terminal whose master this process has (pty(7)). */
export interface Terminal {
  /** Path of the side that the program gets, e.g. `/dev/pts/3`. */
  path: string;
  /** That side, opened for a child to inherit; closed by whoever asked for it. */
  openSlave(): number;
  resize(size: TerminalSize): void;
  /** What is printed there, until nobody holds that side or `close`. Read only as fast as it is taken. */
  output(): AsyncIterable<Uint8Array>;
  /** As if it were typed. Settles when the terminal has taken it. */
  type(bytes: Uint8Array): Promise<void>;
  /** The process group in the foreground; undefined: there is none. */
  foreground(): number | undefined;
  /** Hangs up: programs there get a SIGHUP. */
  close(): void;
}

const open = () =>
  openLibc({
    posix_openpt: { args: [FFIType.i32], returns: FFIType.i32 },
    grantpt: { args: [FFIType.i32], returns: FFIType.i32 },
    unlockpt: { args: [FFIType.i32], returns: FFIType.i32 },
    ptsname_r: { args: [FFIType.i32, FFIType.ptr, FFIType.u64], returns: FFIType.i32 },
    ioctl: { args: [FFIType.i32, FFIType.u64, FFIType.ptr], returns: FFIType.i32 },
  });
let libc: ReturnType<typeof open>;

const LONGEST_PATH = 64;
/** More than a `struct termios` has anywhere. */
const TERMIOS_ROOM = 128;
/** Of a program that does not read what is typed. */
const FULL_MS = 5;

export const openTerminal = (wish: TerminalWish): Terminal => {
  libc ??= open();
  const c = libc;
  const fd = c?.posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC) ?? -1;
  if (!c || fd < 0) throw new AppError("unavailable", "Cannot open a terminal on this host");
  const name = Buffer.alloc(LONGEST_PATH);
  if (c.grantpt(fd) !== 0 || c.unlockpt(fd) !== 0 || c.ptsname_r(fd, ptr(name), name.length) !== 0) {
    closeSync(fd);
    throw new AppError("unavailable", "Cannot open a terminal on this host");
  }
  const path = name.toString("latin1", 0, name.indexOf(0));
  let isOpen = true;
  let cancelReading: (() => Promise<void>) | undefined;
  const resize = ({ cols, rows }: TerminalSize) => {
    // struct winsize.
    if (isOpen) c.ioctl(fd, TIOCSWINSZ, ptr(Uint16Array.of(rows, cols, 0, 0)));
  };
  resize(wish);
  if (wish.modes && wish.modes.size > 0) {
    const termios = Buffer.alloc(TERMIOS_ROOM);
    if (c.ioctl(fd, TCGETS, ptr(termios)) === 0) {
      changeModes(termios, wish.modes);
      c.ioctl(fd, TCSETS, ptr(termios));
    }
  }
  return {
    path,
    openSlave: () => openSync(path, O_RDWR | O_NOCTTY),
    resize,
    output: async function* () {
      if (!isOpen) return;
      const reader = Bun.file(fd).stream().getReader();
      cancelReading = () => reader.cancel();
      try {
        for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value;
      } catch (err) {
        // Nobody holds the other side any more.
        if ((err as NodeJS.ErrnoException).code !== "EIO") throw err;
      }
    },
    type: async (bytes) => {
      for (let at = 0; at < bytes.length && isOpen; ) {
        try {
          at += writeSync(fd, bytes, at);
        } catch (err) {
          const { code } = err as NodeJS.ErrnoException;
          if (code === "EIO") return;
          if (code !== "EAGAIN") throw err;
          await delay(FULL_MS);
        }
      }
    },
    foreground: () => {
      const group = new Int32Array(1);
      const isKnown = isOpen && c.ioctl(fd, TIOCGPGRP, ptr(group)) === 0;
      return isKnown && (group[0] ?? 0) > 1 ? group[0] : undefined;
    },
    close: () => {
      if (!isOpen) return;
      isOpen = false;
      const letGo = () => closeSync(fd);
      // What was left to be read may be an error, which is nobody's by now.
      if (cancelReading) cancelReading().then(letGo, letGo);
      else letGo();
    },
  };
};
