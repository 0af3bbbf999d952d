import { timingSafeEqual } from "node:crypto";
import type { Context } from "hono";
import { AppError } from "../../shared/errors.ts";
import type { Deps } from "../deps.ts";
import { hasExportFor, listImportedIds, type ThingKind } from "../store/exports.ts";
import { findRole, type ProjectRole } from "../store/members.ts";
import { findProjectByName, listAllProjects, type ProjectRow } from "../store/projects.ts";
import { hashToken } from "../store/tokens.ts";
import { findUserByTokenHash, type UserRow } from "../store/users.ts";
import type { AppEnv } from "./env.ts";
import { plainError, Refused } from "./errorAnswer.ts";

/** Who may call a route (docs/spec/http-api.md §1.8). Global admins pass all of them. */
export type UserAccess = "auth" | "gadmin";
export type ProjectAccess = "member" | "member+public" | "manager" | "padmin" | ImporterAccess;
/** Also for members of projects that this one shares anything with; what they may see of it is for the route to say. */
type ImporterAccess = "member+importer" | "member+public+importer";
/** `service`: no user, but a program with a token from the coordinator's configuration. */
export type Access = "none" | "service" | UserAccess | ProjectAccess;

const BEARER = /^Bearer +(\S+) *$/i;

export const accessDenied = () => new AppError("forbidden", "Access denied");

/** The user behind the bearer token. None: 401; one that is unknown or no longer active: 403. */
export const authenticate = async (c: Context<AppEnv>, deps: Deps): Promise<UserRow> => {
  const token = tokenOf(c);
  if (token === undefined) throw new Refused({ status: 401, body: { detail: "Not authenticated" } });
  const user = await findUserByTokenHash(deps.db, hashToken(token));
  if (!user?.active) throw new AppError("unauthenticated", "Invalid token");
  c.set("username", user.username);
  return user;
};

/** The bearer token as it came: the only place where a token can be told to its owner. */
export const tokenOf = (c: Context<AppEnv>): string | undefined =>
  BEARER.exec(c.req.header("authorization") ?? "")?.[1];

/** None is configured: nobody is let in (403), whatever they bring. */
export const requireServiceToken = (c: Context<AppEnv>, wanted: string | undefined): void => {
  if (wanted === undefined) throw accessDenied();
  requireSecret(wanted, tokenOf(c));
};

/** No token: 401; another one: 403. */
export const requireSecret = (wanted: string, given: string | undefined): void => {
  if (given === undefined) throw new Refused({ status: 401, body: { detail: "Not authenticated" } });
  const [a, b] = [wanted, given].map((text) => new Bun.CryptoHasher("sha256").update(text).digest());
  if (!a || !b || !timingSafeEqual(a, b)) throw accessDenied();
};

export const requireGlobalRole = (user: UserRow, access: UserAccess): void => {
  if (access === "gadmin" && user.global_role !== "admin") throw accessDenied();
};

export interface ProjectEntry {
  project: ProjectRow;
  /** Undefined: not a member (a global admin, or a visitor of a public project). */
  role: ProjectRole | undefined;
}

/** The project of the path, if there is one (404) and the user's role lets them in (403). */
export const enterProject = async (
  deps: Deps,
  user: UserRow,
  wanted: { name: string; access: ProjectAccess },
): Promise<ProjectEntry> => {
  const project = await findProjectByName(deps.db, wanted.name);
  if (!project) throw new Refused(plainError(404, "Not found"));
  const role = await findRole(deps.db, project.id, user.id);
  const mayPass =
    mayEnter({ user, project, role }, wanted.access) ||
    (wanted.access.endsWith("+importer") && (await importsFrom(deps, project, user)));
  if (!mayPass) throw accessDenied();
  return { project, role };
};

const importsFrom = async ({ db }: Deps, project: ProjectRow, user: UserRow): Promise<boolean> => {
  const own = await listAllProjects(db, { memberId: user.id });
  const ids = own.map(({ id }) => id);
  return hasExportFor(db, project.id, ids);
};

/**
 * Lets those in who are of the project, and others (403) only if the thing is shared with a project of theirs. Whether
 * there is anything else they are not told: `id` undefined is a thing that is not there.
 */
export const requireShared = async (
  { db }: Deps,
  { user, role }: Pick<ProjectEntry, "role"> & { user: UserRow },
  thing: { kind: ThingKind; id: string | undefined },
): Promise<void> => {
  if (role !== undefined || user.global_role === "admin") return;
  const own = await listAllProjects(db, { memberId: user.id });
  const ids = own.map(({ id }) => id);
  const shared: (string | undefined)[] = await listImportedIds(db, ids, thing.kind);
  if (thing.id === undefined || !shared.includes(thing.id)) throw accessDenied();
};

const mayEnter = (who: ProjectEntry & { user: UserRow }, access: ProjectAccess): boolean => {
  if (who.user.global_role === "admin") return true;
  switch (access) {
    case "member":
    case "member+importer":
      return who.role !== undefined;
    case "member+public":
    case "member+public+importer":
      return who.role !== undefined || who.project.is_public;
    case "manager":
      return who.role === "admin" || who.role === "manager";
    case "padmin":
      return who.role === "admin";
  }
};
