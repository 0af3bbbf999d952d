import { FFIType } from "bun:ffi";
import { existsSync } from "node:fs";
import { openLibc } from "../../../shared/native/libc.ts";
import { isAlive } from "../../../shared/proc/stat.ts";
import { childrenOf } from "./procfs.ts";

const PR_SET_CHILD_SUBREAPER = 36;
const WNOHANG = 1;

/**
 * Makes this process the parent of every orphan below it (prctl(2), PR_SET_CHILD_SUBREAPER), so that whatever a
 * job starts, daemons too, stays findable. Undefined where that is not possible; else a function that takes away
 * the orphans that have ended (`except`: whoever started that process waits for it).
 */
export const becomeReaper = (): ((except: number) => void) | undefined => {
  // Without it (CONFIG_PROC_CHILDREN) orphans would be ours and not to be found.
  if (!existsSync(`/proc/self/task/${process.pid}/children`)) return undefined;
  const libc = openLibc({
    prctl: {
      args: [FFIType.i32, FFIType.u64, FFIType.u64, FFIType.u64, FFIType.u64],
      returns: FFIType.i32,
    },
    waitpid: { args: [FFIType.i32, FFIType.ptr, FFIType.i32], returns: FFIType.i32 },
  });
  if (libc?.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) !== 0) return undefined;
  return (except) => {
    for (const pid of childrenOf(process.pid)) {
      if (pid !== except && !isAlive(pid)) libc.waitpid(pid, null, WNOHANG);
    }
  };
};
