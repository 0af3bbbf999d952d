import {
  type Dirent,
  existsSync,
  lstatSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  type Stats,
  statSync,
} from "node:fs";
import { basename, dirname, join, relative, resolve, sep } from "node:path";
import { AppError } from "../../shared/errors.ts";
import { type IgnoreRules, parseIgnoreFile } from "./ignore.ts";

/** What goes into an archive, by its name there. */
export interface Member {
  /** Begins with the last component of the path that was asked for; always with `/` between. */
  readonly name: string;
  readonly source: string;
  readonly kind: "file" | "folder" | "link";
  readonly stats: Pick<Stats, "mode" | "size" | "mtimeMs">;
  /** Of a link: where to, relative. */
  readonly target: string | undefined;
}

/** What a later one says wins over an earlier one, wherever they lie. */
const IGNORE_FILES = [".gitignore", ".ignore", ".dstackignore"] as const;
const NEVER = ".git";

/** An ignore file, which is about what lies under its folder. */
interface Scope {
  readonly kind: (typeof IGNORE_FILES)[number];
  /** With a separator at its end. */
  readonly folder: string;
  readonly rules: IgnoreRules;
}

/**
 * A file, or a folder with all that is not ignored, sorted by name (docs/spec/cli.md §4.2). Of ignore files of one kind
 * the deeper wins over the higher, up to the root of the checkout that the folder is in; what is under an ignored folder
 * cannot be brought back, as in git. What was asked for is never ignored itself.
 */
export const listMembers = (root: string): Member[] => {
  const found = statSync(root);
  const top = { name: basename(root), source: root, stats: slim(found), target: undefined };
  if (!found.isDirectory()) return [{ ...top, kind: "file" }];
  const real = realpathSync(root);
  const inside = listFolder({ root: real, folder: real, name: top.name, scopes: scopesAbove(real) });
  return [{ ...top, kind: "folder" }, ...inside];
};

const slim = ({ mode, size, mtimeMs }: Stats): Member["stats"] => ({ mode, size, mtimeMs });

/** Of the folders between the root of a checkout and what is in it; none where there is no checkout. */
const scopesAbove = (root: string): Scope[] => {
  const above: string[] = [];
  for (let folder = root; !existsSync(join(folder, NEVER)); ) {
    const parent = dirname(folder);
    if (parent === folder) return [];
    above.unshift(parent);
    folder = parent;
  }
  return above.flatMap((folder) => scopesOf(folder, readdirSync(folder, { withFileTypes: true })));
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
  const ordered = byPrecedence(inner);
  return entries
    .toSorted((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
    .filter(
      (entry) => entry.name !== NEVER && !isIgnored(join(folder, entry.name), entry.isDirectory(), ordered),
    )
    .flatMap((entry) => {
      const source = join(folder, entry.name);
      const member = { name: `${name}/${entry.name}`, source, target: undefined };
      if (entry.isSymbolicLink()) return linkMembers(root, member);
      // Sockets, pipes and devices have no content to send.
      if (!entry.isFile() && !entry.isDirectory()) return [];
      const stats = slim(statsOf(folder, entry.name));
      if (entry.isFile()) return [{ ...member, kind: "file" as const, stats }];
      const inside = listFolder({ root, folder: source, name: member.name, scopes: inner });
      return [{ ...member, kind: "folder" as const, stats }, ...inside];
    });
};

/** A name that is not UTF-8 has lost bytes when it comes here, so that nothing is found under it. */
const statsOf = (folder: string, name: string): Stats => {
  const stats = lstatSync(join(folder, name), { throwIfNoEntry: false });
  if (stats) return stats;
  const isOdd = name.includes("\uFFFD");
  throw new AppError(
    isOdd ? "invalid" : "conflict",
    isOdd
      ? `The name of the file '${name}' in '${folder}' is not UTF-8`
      : `The file '${join(folder, name)}' went away while it was read`,
    { hint: isOdd ? "Rename it, or exclude it with .dstackignore" : "Try again when nothing changes it" },
  );
};

const scopesOf = (folder: string, entries: readonly Dirent[]): Scope[] =>
  IGNORE_FILES.filter((name) => entries.some((entry) => entry.name === name && entry.isFile())).map(
    (kind) => ({
      kind,
      folder: folder.endsWith(sep) ? folder : `${folder}${sep}`,
      rules: parseIgnoreFile(readFileSync(join(folder, kind), "utf8")),
    }),
  );

/** Whoever says something first is right. */
const byPrecedence = (scopes: readonly Scope[]): Scope[] =>
  IGNORE_FILES.toReversed().flatMap((kind) => scopes.filter((scope) => scope.kind === kind).toReversed());

const isIgnored = (path: string, isFolder: boolean, ordered: readonly Scope[]): boolean => {
  for (const { folder, rules } of ordered) {
    const decision = rules.decide(slashed(path.slice(folder.length)), isFolder);
    if (decision) return decision === "ignore";
  }
  return false;
};

const slashed = (path: string): string => (sep === "/" ? path : path.split(sep).join("/"));

/** A link that stays inside goes along as one; of another the file that it leads to goes. One that leads nowhere is left out. */
const linkMembers = (root: string, member: Omit<Member, "kind" | "stats">): Member[] => {
  const folder = realpathSync(dirname(member.source));
  const target = resolve(folder, readlinkSync(member.source));
  if (target === root || target.startsWith(`${root}${sep}`)) {
    const stats = slim(lstatSync(member.source));
    return [{ ...member, kind: "link", stats, target: slashed(relative(folder, target)) || "." }];
  }
  const stats = statSync(member.source, { throwIfNoEntry: false });
  return stats?.isFile() ? [{ ...member, kind: "file", stats: slim(stats) }] : [];
};
