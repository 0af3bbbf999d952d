import { FFIType } from "bun:ffi";
import { openLibc } from "../../shared/native/libc.ts";
import { isAlive } from "../../shared/proc/stat.ts";
import { childrenOf } from "../runtime/process/procfs.ts";

const WNOHANG = 1;
const LOOK_MS = 30_000;

/**
 * A process that took the place of another (exec.ts) has its children, of which its own runtime knows nothing: they
 * would stay as zombies. To be called before this process starts any of its own.
 */
export const reapStrayChildren = (): Disposable => {
  const stray = new Set(childrenOf(process.pid));
  if (stray.size === 0) return { [Symbol.dispose]: () => {} };
  const libc = openLibc({
    waitpid: { args: [FFIType.i32, FFIType.ptr, FFIType.i32], returns: FFIType.i32 },
  });
  const timer = setInterval(() => {
    for (const pid of stray) {
      if (isAlive(pid)) continue;
      libc?.waitpid(pid, null, WNOHANG);
      stray.delete(pid);
    }
    if (stray.size === 0) clearInterval(timer);
  }, LOOK_MS);
  timer.unref();
  return { [Symbol.dispose]: () => clearInterval(timer) };
};
