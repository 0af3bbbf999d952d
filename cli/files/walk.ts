import {
  type Dirent,
  lstatSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  type Stats,
  statSync,
} from "node:fs";
import { basename, dirname, join, relative, resolve, sep } from "node:path";
import { type IgnoreRules, parseIgnoreFile } from "./ignore.ts";

/** What goes into an archive, by its name there. */
export interface Member {
  /** Begins with the last component of the path that was asked for; always with `/` between. */
  readonly name: string;
  readonly source: string;
  readonly kind: "file" | "folder" | "link";
  readonly stats: Stats;
  /** Of a link: where to, relative. */
  readonly target: string | undefined;
}

const IGNORE_FILES = [".gitignore", ".ignore", ".dstackignore"];
const NEVER = ".git";

interface Scope {
  readonly folder: string;
  readonly rules: IgnoreRules;
}

/**
 * A file, or a folder with all that is not ignored, sorted by name (docs/spec/cli.md §4.2). Later ignore files win over
 * earlier ones, deeper over higher; what is under an ignored folder cannot be brought back, as in git.
 */
export const listMembers = (root: string): Member[] => {
  const name = basename(root);
  const stats = statSync(root);
  if (!stats.isDirectory()) return [{ name, source: root, kind: "file", stats, target: undefined }];
  const top: Member = { name, source: root, kind: "folder", stats, target: undefined };
  return [top, ...listFolder({ root: realpathSync(root), folder: root, name, scopes: [] })];
};

interface Place {
  /** Without links in it. */
  readonly root: string;
  readonly folder: string;
  readonly name: string;
  readonly scopes: readonly Scope[];
}

const listFolder = ({ root, folder, name, scopes }: Place): Member[] => {
  const entries = readdirSync(folder, { withFileTypes: true });
  const inner = [...scopes, ...scopesOf(folder, entries)];
  return entries
    .toSorted((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
    .filter(
      (entry) => entry.name !== NEVER && !isIgnored(join(folder, entry.name), entry.isDirectory(), inner),
    )
    .flatMap((entry) => {
      const source = join(folder, entry.name);
      const member = { name: `${name}/${entry.name}`, source, target: undefined };
      if (entry.isSymbolicLink()) return linkMembers(root, member);
      const stats = lstatSync(source);
      if (entry.isDirectory()) {
        const inside = listFolder({ root, folder: source, name: member.name, scopes: inner });
        return [{ ...member, kind: "folder" as const, stats }, ...inside];
      }
      // Sockets, pipes and devices have no content to send.
      return entry.isFile() ? [{ ...member, kind: "file" as const, stats }] : [];
    });
};

const scopesOf = (folder: string, entries: readonly Dirent[]): Scope[] =>
  IGNORE_FILES.filter((name) => entries.some((entry) => entry.name === name && entry.isFile())).map(
    (name) => ({
      folder,
      rules: parseIgnoreFile(readFileSync(join(folder, name), "utf8")),
    }),
  );

const isIgnored = (path: string, isFolder: boolean, scopes: readonly Scope[]): boolean => {
  for (const { folder, rules } of scopes.toReversed()) {
    const decision = rules.decide(relative(folder, path).split(sep).join("/"), isFolder);
    if (decision) return decision === "ignore";
  }
  return false;
};

/** A link that stays inside goes along as one; of another the file that it leads to goes. One that leads nowhere is left out. */
const linkMembers = (root: string, member: Omit<Member, "kind" | "stats">): Member[] => {
  const folder = realpathSync(dirname(member.source));
  const target = resolve(folder, readlinkSync(member.source));
  if (target === root || target.startsWith(`${root}${sep}`)) {
    const stats = lstatSync(member.source);
    return [{ ...member, kind: "link", stats, target: relative(folder, target) || "." }];
  }
  const stats = statSync(member.source, { throwIfNoEntry: false });
  return stats?.isFile() ? [{ ...member, kind: "file", stats }] : [];
};
