import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AppError, messageOf } from "../errors.ts";

/** A native module inside of a compiled program (scripts/build/nativePlugin.ts). */
export interface EmbeddedModule {
  /** What messages call it. */
  name: string;
  /** Where it is in the program, packed by Zstandard. */
  file: string;
}

/**
 * What is written at once Linux (6.18) keeps as one, and whoever touches a byte of it has all of it in memory: of libSQL's
 * 9 MiB 5 instead of 8.5.
 */
const PIECE_BYTES = 16 * 1024;

let further: string | undefined;

/** Where a module can be put as well from now on, should the folder for temporary files not do. */
export const embedAlsoIn = (folder: string): void => {
  further = folder;
};

/**
 * Loads it. The system loads code from files alone, so it becomes one for that moment. Bun would do so by itself, but in
 * /tmp and nowhere else, where hardened machines run nothing (`noexec`); and it reads all of its own program for that,
 * which stays in memory. Nothing is left of the file. Throws `unavailable`, with each folder and why it does not do.
 */
export const loadEmbedded = ({ name, file }: EmbeddedModule): unknown => {
  const bytes = Bun.zstdDecompressSync(readFileSync(file));
  const failures: string[] = [];
  for (const folder of [tmpdir(), ...(further === undefined ? [] : [further])]) {
    try {
      return loadFrom(folder, bytes);
    } catch (err) {
      failures.push(`${folder}: ${messageOf(err)}`);
    }
  }
  throw new AppError("unavailable", `Cannot load ${name}:\n${failures.join("\n")}`, {
    hint: "Name a folder with TMPDIR that can be written, on a file system that is not mounted noexec",
  });
};

/** In a folder of its own, so that nobody else can have put anything there. */
const loadFrom = (folder: string, bytes: Uint8Array): unknown => {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const own = mkdtempSync(join(folder, "dstack-"));
  try {
    const path = join(own, "module.node");
    writeInPieces(path, bytes);
    const loaded = { exports: {} };
    process.dlopen(loaded, path);
    return loaded.exports;
  } finally {
    // Once it is loaded the system keeps it for as long as the program runs.
    rmSync(own, { recursive: true, force: true });
  }
};

const writeInPieces = (path: string, bytes: Uint8Array): void => {
  const file = openSync(path, "wx", 0o500);
  try {
    for (let at = 0; at < bytes.length; )
      at += writeSync(file, bytes, at, Math.min(PIECE_BYTES, bytes.length - at));
  } finally {
    closeSync(file);
  }
};
