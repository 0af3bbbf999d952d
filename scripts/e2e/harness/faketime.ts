import { existsSync } from "node:fs";

/** Debian's faketime: another time for one process, and not for this machine. */
export const findFaketime = (): string | undefined =>
  [
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1",
  ].find((path) => existsSync(path));

/** The environment of a program whose clock is off by `offset`, as "-1h". */
export const timeOffBy = (offset: string): Record<string, string> => ({
  LD_PRELOAD: findFaketime() ?? "",
  FAKETIME: offset,
  FAKETIME_DONT_FAKE_MONOTONIC: "1",
});

/** The same for one whose offset is what a file says, whenever it looks. */
export const timeOf = (file: string): Record<string, string> => ({
  LD_PRELOAD: findFaketime() ?? "",
  FAKETIME_TIMESTAMP_FILE: file,
  FAKETIME_NO_CACHE: "1",
  FAKETIME_DONT_FAKE_MONOTONIC: "1",
});
