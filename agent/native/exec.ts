import { FFIType, ptr } from "bun:ffi";
import { AppError } from "../../shared/errors.ts";
import { openLibc } from "../../shared/native/libc.ts";

/**
 * Replaces this process by another program (execv(3)), under the same process id and with the same environment.
 * Returns only where that fails, by throwing. What is open must be closed before: nothing is tidied up.
 */
export const exec = (program: string, args: readonly string[]): never => {
  const libc = openLibc({ execv: { args: [FFIType.ptr, FFIType.ptr], returns: FFIType.i32 } });
  if (!libc) throw new AppError("unsupported", "Cannot replace this process: the C library cannot be loaded");
  const texts = [program, ...args].map((text) => Buffer.from(`${text}\0`));
  const argv = new BigUint64Array([...texts.map((text) => BigInt(ptr(text))), 0n]);
  libc.execv(ptr(Buffer.from(`${program}\0`)), ptr(argv));
  throw new AppError("unavailable", `Cannot run ${program}: execv failed`);
};
