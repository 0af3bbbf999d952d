import {
  createReadStream,
  createWriteStream,
  linkSync,
  mkdirSync,
  rmSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { messageOf } from "../../shared/errors.ts";
import { checkRoom, hasNoRoom } from "../runtime/room.ts";
import { StartError } from "../runtime/runtime.ts";

/** Against archives made to fill a host's disk; the upload itself is limited to far less (docs/spec/agent.md §2.12). */
const MAX_UNPACKED_BYTES = 64 * 1024 * 1024 * 1024;
const MAX_ENTRIES = 1_000_000;

/** What of a tar header decides (POSIX.1-1988 ustar, pax). */
export interface ArchiveEntry {
  name: string;
  type: string | null | undefined;
  linkname?: string | null | undefined;
}

const partsOf = (name: string): string[] => name.split("/").filter((part) => part !== "" && part !== ".");

/**
 * Says for each entry of one archive, in order, where under the folder it goes; throws on what could reach out of it:
 * `..`, a way through a link made before, anything but files, folders and links. A link's own
 * target may be anything: following it is the job's matter, which runs as its user.
 */
export const archiveGuard = (
  options: { hasOneTop: boolean } = { hasOneTop: true },
): ((entry: ArchiveEntry) => { path: string; linkTo?: string } | undefined) => {
  const links = new Set<string>();
  let top: string | undefined;
  const safe = (name: string): string => {
    const parts = partsOf(name);
    if (name.startsWith("/") || parts.includes("..") || name.includes("\0"))
      throw refuse(name, "leads out of it");
    for (let length = 1; length < parts.length; length++) {
      if (links.has(parts.slice(0, length).join("/"))) throw refuse(name, "leads through a link");
    }
    return parts.join("/");
  };
  return ({ name, type, linkname }) => {
    const path = safe(name);
    // The entry of the folder that was archived, as tar writes it for ".".
    if (path === "") return undefined;
    const [first] = path.split("/");
    top ??= first;
    if (options.hasOneTop && first !== top)
      throw refuse(name, `is beside "${top}": there may be one top entry`);
    // An entry does not take the place of a link: a folder of its name would be the one that the link leads to.
    if (links.has(path)) throw refuse(name, "leads through a link");
    if (type === "symlink") {
      links.add(path);
      return { path, linkTo: linkname ?? "" };
    }
    if (type === "link") {
      const target = safe(linkname ?? "");
      if (links.has(target)) throw refuse(name, "is a hard link to a link");
      return { path, linkTo: target };
    }
    if (type === "file" || type === "contiguous-file" || type === "directory") return { path };
    throw refuse(name, `is of the type ${type}`);
  };
};

const refuse = (name: string, why: string): StartError =>
  new StartError("executor_error", `The file archive holds "${name.slice(0, 200)}", which ${why}`);

/**
 * Unpacks an archive into `dir`, which must not be there yet; returns the path of its one top entry. Of an archive that
 * cannot be unpacked nothing stays; a full disk is thrown as it is (runtime/room.ts).
 */
export const unpackArchive = async (archive: string, dir: string, signal: AbortSignal): Promise<string> => {
  const top = await unpack(archive, dir, { signal, hasOneTop: true });
  if (top === "") throw new StartError("executor_error", "The file archive is empty");
  return join(dir, top);
};

/** Unpacks an archive of any number of entries into `dir`, which must not be there yet. */
export const unpackTree = async (archive: string, dir: string, signal: AbortSignal): Promise<void> => {
  await unpack(archive, dir, { signal, hasOneTop: false });
};

/** Returns the name of the first top entry; empty: there was none. */
const unpack = async (
  archive: string,
  dir: string,
  { signal, hasOneTop }: { signal: AbortSignal; hasOneTop: boolean },
): Promise<string> => {
  const { extract } = await import("tar-stream");
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const place = archiveGuard({ hasOneTop });
  let [bytes, count, top] = [0, 0, ""];
  const entries = extract();
  const source = createReadStream(archive);
  source.on("error", (err) => entries.destroy(err));
  source.pipe(entries);
  try {
    checkRoom(dir, statSync(archive).size);
    for await (const entry of entries) {
      signal.throwIfAborted();
      const { header } = entry;
      bytes += header.size ?? 0;
      if (bytes > MAX_UNPACKED_BYTES || ++count > MAX_ENTRIES)
        throw refuse(header.name, "makes it too large");
      const placed = place({ name: header.name, type: header.type, linkname: header.linkname });
      if (placed) {
        const path = join(dir, placed.path);
        top ||= placed.path.split("/")[0] ?? "";
        mkdirSync(dirname(path), { recursive: true });
        const mode = (header.mode ?? 0o644) & 0o777;
        if (header.type === "directory") mkdirSync(path, { recursive: true, mode: mode | 0o700 });
        else if (header.type === "symlink") symlinkSync(placed.linkTo ?? "", path);
        else if (header.type === "link") linkSync(join(dir, placed.linkTo ?? ""), path);
        // Exclusively: an entry that comes twice must not write through what the first one made.
        else await pipeline(entry, createWriteStream(path, { mode, flags: "wx" }), { signal });
      }
      entry.resume();
    }
  } catch (err) {
    rmSync(dir, { recursive: true, force: true });
    signal.throwIfAborted();
    if (err instanceof StartError || hasNoRoom(err)) throw err;
    throw new StartError("executor_error", `Cannot unpack the file archive: ${messageOf(err)}`, {
      cause: err,
    });
  } finally {
    source.destroy();
  }
  return top;
};
