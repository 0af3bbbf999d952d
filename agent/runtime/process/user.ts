import { existsSync, readFileSync, statSync } from "node:fs";
import { StartError } from "../runtime.ts";

/** Whom a job runs as. */
export interface JobUser {
  name: string;
  uid: number;
  gid: number;
  home: string;
  /** Another than the agent's own: the command changes to it, with all its groups unless one was given. */
  change?: { keepGroups: boolean };
}

interface Entry {
  name: string;
  id: number;
  fields: string[];
}

const parse = (text: string): Entry[] =>
  text.split("\n").flatMap((line) => {
    const fields = line.split(":");
    const [name = "", , id = ""] = fields;
    return /^\d+$/.test(id) ? [{ name, id: Number(id), fields }] : [];
  });

/** From the file, or where the names come from elsewhere (LDAP, SSSD) from getent(1). */
const find = (table: "passwd" | "group", key: string): Entry | undefined => {
  const among = (text: string) => parse(text).find((entry) => entry.name === key || String(entry.id) === key);
  const local = among(readFileSync(`/etc/${table}`, "utf8"));
  const getent = local ? null : Bun.which("getent", { PATH: "/usr/bin:/bin" });
  if (local || !getent) return local;
  return among(Bun.spawnSync([getent, table, key]).stdout.toString());
};

const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;

/** docs/spec/agent.md §2.10: where the home is unset, relative or not there, `/` takes its place. */
const homeOf = (entry: Entry | undefined): string => {
  const home = entry?.fields[5] ?? "";
  return home.startsWith("/") && isFolder(home) ? home : "/";
};

const NO_SHELL = /\/(nologin|false)$/;

/** The one that is wished for, or that the user logs in with; for one who is not meant to, the plain one. */
export const shellOf = ({ uid }: JobUser, wish: string | undefined): string => {
  const shells = [wish ?? "", find("passwd", String(uid))?.fields[6]?.trim() ?? ""];
  const isShell = (path: string) => path.startsWith("/") && !NO_SHELL.test(path) && existsSync(path);
  return shells.find(isShell) ?? "/bin/sh";
};

/** Resolves `name|uid[:group|gid]`; absent: the agent's own user. */
export const resolveUser = (
  wanted: string | null | undefined,
  own: { uid: number; gid: number },
): JobUser => {
  const [name = "", group] = (wanted || String(own.uid)).split(":");
  const entry = find("passwd", name);
  if (!entry && !/^\d+$/.test(name)) throw refuse(`There is no user "${name}" on this host`);
  const groupEntry = group === undefined ? undefined : find("group", group);
  if (group !== undefined && !groupEntry && !/^\d+$/.test(group))
    throw refuse(`There is no group "${group}" on this host`);
  const uid = entry?.id ?? Number(name);
  const primary = wanted ? Number(entry?.fields[3] ?? 0) : own.gid;
  const gid = group === undefined ? primary : (groupEntry?.id ?? Number(group));
  const user: JobUser = { name: entry?.name ?? name, uid, gid, home: homeOf(entry) };
  if (uid === own.uid && gid === own.gid) return user;
  if (own.uid !== 0)
    throw refuse(`Cannot run as user "${wanted}": the agent on this host does not run as root`);
  return { ...user, change: { keepGroups: entry !== undefined && group === undefined } };
};

const refuse = (message: string): StartError => new StartError("executor_error", message);
