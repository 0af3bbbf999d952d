import { statfs } from "node:fs/promises";
import { AppError } from "../../shared/errors.ts";
import { showBytes } from "../../shared/showBytes.ts";

/** So much of a disk is left to the database and to the output of jobs: one that is full stops both. */
const RESERVE_SHARE = 0.05;
const MOST_RESERVED_BYTES = 1024 ** 3;

/** Throws where `bytes` more on the disk of a folder would leave it too full. */
export const checkRoom = async (folder: string, bytes: number): Promise<void> => {
  const { bavail, blocks, bsize } = await statfs(folder);
  const reserve = Math.min(MOST_RESERVED_BYTES, blocks * bsize * RESERVE_SHARE);
  const room = Math.max(0, bavail * bsize - reserve);
  if (bytes > room) throw fullDisk(`it has room for ${showBytes(room)}, and ${showBytes(bytes)} are to come`);
};

const fullDisk = (detail: string, cause?: unknown): AppError =>
  new AppError("conflict", `The disk of the server is full: ${detail}`, {
    cause,
    hint: "Whoever runs the server has to free some, or to give DSTACK_SERVER_DIR a larger one",
  });

/** What a write failed with, for people where the disk is full. */
export const writeFailure = (err: unknown): unknown => {
  const { code } = (err ?? {}) as NodeJS.ErrnoException;
  return code === "ENOSPC" || code === "EDQUOT" ? fullDisk("the upload is dropped", err) : err;
};
