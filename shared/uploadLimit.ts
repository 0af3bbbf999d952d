import { AppError } from "./errors.ts";
import { showBytes } from "./showBytes.ts";

/** What is uploaded, as messages name it, and the server's setting that limits it; `bytes` 0: not at all. */
export interface UploadLimit {
  readonly what: "Archive" | "Repo diff";
  readonly setting: string;
  readonly bytes: number;
}

/** Throws in the reference's words (docs/spec/cli.md §4.2, §4.3). */
export const checkUploadSize = (
  size: number,
  { what, setting, bytes }: UploadLimit,
  hint?: () => string,
): void => {
  if (bytes === 0 || size <= bytes) return;
  const ignores = what === "Archive" ? ".gitignore/.dstackignore" : ".gitignore";
  throw new AppError(
    "invalid",
    `${what} size is ${showBytes(size)}, which exceeds the limit of ${showBytes(bytes)}. ` +
      `Use ${ignores} to exclude large files. This limit can be modified by setting the ` +
      `${setting} environment variable.`,
    hint ? { hint: hint() } : {},
  );
};
