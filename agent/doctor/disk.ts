import { closeSync, fsyncSync, openSync, rmSync, writeSync } from "node:fs";
import { statfs } from "node:fs/promises";
import { join } from "node:path";
import { messageOf } from "../../shared/errors.ts";
import { freeDiskMib } from "../inventory/disk.ts";
import { bad, type Finding, good, hint } from "./finding.ts";

const LITTLE_MIB = 5 * 1024;
const TOO_LITTLE_MIB = 1024;
const SLOW_MB_S = 50;
const PROBE_BYTES = 64 * 1024 * 1024;

export const checkSpace = async (name: string, path: string): Promise<Finding> => {
  const free = await freeDiskMib(path);
  const text = `${(free / 1024).toFixed(1)} GiB free for ${name} (${path})`;
  const mend = `Free space on the file system of ${path}; unused images go with docker image prune`;
  if (free < TOO_LITTLE_MIB) return bad("space", text, mend);
  return free < LITTLE_MIB ? hint("space", text, mend) : good("space", text);
};

const FEW_FILES = 1_000;

/** A disk with room for bytes may have none for files; file systems without such a limit say that there are none at all. */
export const checkFiles = async (path: string): Promise<Finding[]> => {
  const { files, ffree } = await statfs(path);
  if (files === 0 || ffree >= FEW_FILES) return [];
  const text = `room for ${ffree} files more on the file system of ${path}`;
  return [
    bad("space", text, "Remove files there: df -i shows it, small files that nobody needs are the cause"),
  ];
};

/** Writes 64 MiB as jobs' output is written, and waits until the disk has them. */
export const checkSpeed = (stateDir: string): Finding => {
  const path = join(stateDir, ".speed");
  const block = Buffer.alloc(1024 * 1024, "dstack");
  try {
    const fd = openSync(path, "w", 0o600);
    try {
      const startedAt = performance.now();
      for (let done = 0; done < PROBE_BYTES; done += block.length) writeSync(fd, block);
      fsyncSync(fd);
      const speed = PROBE_BYTES / 1e6 / ((performance.now() - startedAt) / 1000);
      const text = `${Math.round(speed)} MB/s, durably, in ${stateDir}`;
      if (speed >= SLOW_MB_S) return good("disk speed", text);
      return hint(
        "disk speed",
        text,
        "Put the state directory on a faster disk: jobs' output is written there first",
      );
    } finally {
      closeSync(fd);
    }
  } catch (err) {
    return bad(
      "disk speed",
      `Cannot write to ${stateDir}: ${messageOf(err)}`,
      "Make room there, and make it writable for this user",
    );
  } finally {
    rmSync(path, { force: true });
  }
};
