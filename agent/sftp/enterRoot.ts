import { FFIType, ptr } from "bun:ffi";
import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { AppError } from "../../shared/errors.ts";
import { openLibc } from "../../shared/native/libc.ts";
import { parseGroup, parsePasswd, resolveUser } from "../runtime/docker/passwd.ts";

/** Inherited: the root of a container, as a folder that is open. */
const ROOT_FD = 3;

// <linux/capability.h>. What a container's root may do with files of others, and no more of what the agent's root may.
const KEPT = [0, 1, 3, 4].reduce((mask, capability) => mask | (1 << capability), 0);
const CAPABILITY_VERSION = 0x2008_0522;

const FILE_LIMIT = 1024 * 1024;

/**
 * Makes a container's root this process's own (chroot(2)), so that no path and no link leads out of it, then becomes a
 * user of it. For good: who is in there has no way back, and has no other capabilities than those for files. To be called
 * before anything a client says is read. Answers the user's home.
 */
export const enterRoot = ({
  user,
  cwd,
  ids,
}: {
  user: string;
  cwd: string;
  ids: IdMap;
}): { home: string } => {
  const libc = openLibc({
    fchdir: { args: [FFIType.i32], returns: FFIType.i32 },
    chroot: { args: [FFIType.ptr], returns: FFIType.i32 },
    close: { args: [FFIType.i32], returns: FFIType.i32 },
    setgroups: { args: [FFIType.u64, FFIType.ptr], returns: FFIType.i32 },
    setgid: { args: [FFIType.u32], returns: FFIType.i32 },
    setuid: { args: [FFIType.u32], returns: FFIType.i32 },
    capset: { args: [FFIType.ptr, FFIType.ptr], returns: FFIType.i32 },
  });
  if (!libc) throw new AppError("unsupported", "Cannot enter a container: the C library cannot be loaded");
  const must = (result: number, what: string) => {
    if (result !== 0) throw new AppError("forbidden", `Cannot enter the container: ${what} failed`);
  };
  must(libc.fchdir(ROOT_FD), "fchdir");
  must(libc.chroot(ptr(Buffer.from(".\0"))), "chroot");
  libc.close(ROOT_FD);
  const [passwd, group] = [readIfThere("/etc/passwd"), readIfThere("/etc/group")];
  const known = { passwd: parsePasswd(passwd), group: parseGroup(group) };
  const found = resolveUser(user, known);
  if (!found) throw new AppError("not_found", `The image does not know the user "${user}"`);
  const hasOwnGroup = user.includes(":");
  const name = known.passwd.find(({ uid }) => uid === found.uid)?.name;
  const others = hasOwnGroup ? [] : groupsOf(group, name);
  const gids = [found.gid, ...others].map((gid) => toHost(ids.gid, gid));
  must(libc.setgroups(gids.length, ptr(Uint32Array.from(gids))), "setgroups");
  must(libc.setgid(toHost(ids.gid, found.gid)), "setgid");
  must(libc.setuid(toHost(ids.uid, found.uid)), "setuid");
  const isRoot = toHost(ids.uid, found.uid) === 0;
  const kept = isRoot ? KEPT : 0;
  // Effective, permitted, inheritable; twice 32 of them.
  const data = Uint32Array.of(kept, kept, 0, 0, 0, 0);
  must(libc.capset(ptr(Uint32Array.of(CAPABILITY_VERSION, 0)), ptr(data)), "capset");
  try {
    process.chdir(cwd);
  } catch {
    process.chdir("/");
  }
  return { home: found.home };
};

/** Lines of uid_map(5): ids in the container, of the host, how many. */
export interface IdMap {
  uid: string;
  gid: string;
}

const toHost = (map: string, id: number): number => {
  for (const line of map.split("\n")) {
    const [inside = 0, outside = 0, count = 0] = line.trim().split(/\s+/).map(Number);
    if (id >= inside && id < inside + count) return outside + id - inside;
  }
  throw new AppError("invalid", `The container has no user or group ${id}`);
};

const groupsOf = (group: string, name: string | undefined): number[] =>
  group.split("\n").flatMap((line) => {
    const [, , gid = "", members = ""] = line.split(":");
    return name !== undefined && /^\d+$/.test(gid) && members.split(",").includes(name) ? [Number(gid)] : [];
  });

/** What it is, and how large, is the job's to choose. */
const readIfThere = (path: string): string => {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch {
    return "";
  }
  try {
    if (!fstatSync(fd).isFile()) return "";
    const bytes = Buffer.alloc(FILE_LIMIT);
    return bytes.toString("utf8", 0, readSync(fd, bytes));
  } finally {
    closeSync(fd);
  }
};
