import type { MemberSetting } from "../../../shared/api/projects.ts";
import { AppError } from "../../../shared/errors.ts";
import type { Deps } from "../../deps.ts";
import { type Statement, writeAll } from "../../store/db.ts";
import {
  addMembers,
  listMembers,
  type MemberChange,
  type ProjectRole,
  removeMembers,
  setMembers,
} from "../../store/members.ts";
import type { ProjectRow } from "../../store/projects.ts";
import { listUsersByIds, type UserRow } from "../../store/users.ts";
import { memberChanged } from "../events/adminEvents.ts";
import { getUserByName } from "../users/manageUsers.ts";

/** Who changes the list. `role`: in the project; undefined: not a member of it. */
export interface MemberEditor {
  user: UserRow;
  role: ProjectRole | undefined;
}

const isManager = ({ user, role }: MemberEditor): boolean =>
  user.global_role === "admin" || role === "admin" || role === "manager";

const resolve = async (deps: Deps, settings: MemberSetting[]): Promise<MemberChange[]> => {
  const changes = new Map<string, MemberChange>();
  for (const { username, project_role: role } of settings) {
    const userId = (await getUserByName(deps, username)).id;
    if (changes.has(userId)) throw new AppError("invalid", "Cannot add same user multiple times");
    changes.set(userId, { userId, role });
  }
  return [...changes.values()];
};

/** Only admins hand out and take away the admin's role; managers move everyone else. */
const requireRights = async (
  deps: Deps,
  project: ProjectRow,
  request: { editor: MemberEditor; touched: string[]; granted: ProjectRole[] },
): Promise<void> => {
  const { editor, touched, granted } = request;
  if (editor.user.global_role === "admin" || editor.role === "admin") return;
  const admins = (await listMembers(deps.db, project.id)).filter((member) => member.role === "admin");
  if (granted.includes("admin") || admins.some((admin) => touched.includes(admin.user.id)))
    throw new AppError("forbidden", "Access denied: only project admins can change project admins");
};

/** What becomes of those who are touched: `changes` has the roles of those who stay. */
const tellOfMembers = async (
  deps: Deps,
  project: ProjectRow,
  { editor, touched, changes }: { editor: MemberEditor; touched: string[]; changes: MemberChange[] },
): Promise<Statement[]> => {
  const present = await listMembers(deps.db, project.id);
  const users = new Map(
    (await listUsersByIds(deps.db, [...new Set(touched)])).map((user) => [user.id, user]),
  );
  return deps.tell(
    [...new Set(touched)].flatMap((id) => {
      const user = users.get(id);
      if (!user) return [];
      const from = present.find((member) => member.user.id === user.id)?.role;
      const to = changes.find((change) => change.userId === user.id)?.role;
      return memberChanged(project, user, { from, to, actorId: editor.user.id });
    }),
  );
};

export const replaceProjectMembers = async (
  deps: Deps,
  project: ProjectRow,
  request: { editor: MemberEditor; members: MemberSetting[] },
): Promise<void> => {
  const changes = await resolve(deps, request.members);
  const present = await listMembers(deps.db, project.id);
  const changed = (userId: string) =>
    present.find((member) => member.user.id === userId)?.role !==
    changes.find((change) => change.userId === userId)?.role;
  const touched = [...present.map((member) => member.user.id), ...changes.map((c) => c.userId)].filter(
    changed,
  );
  const granted = changes.filter((change) => changed(change.userId)).map((change) => change.role);
  await requireRights(deps, project, { editor: request.editor, touched, granted });
  await writeAll(deps.db, [
    ...setMembers(deps.db, project.id, changes),
    ...(await tellOfMembers(deps, project, { editor: request.editor, touched, changes })),
  ]);
};

/** For managers, and for anyone who joins a public project as an ordinary user. */
export const addProjectMembers = async (
  deps: Deps,
  project: ProjectRow,
  request: { editor: MemberEditor; members: MemberSetting[] },
): Promise<void> => {
  const { editor } = request;
  const changes = await resolve(deps, request.members);
  const joinsAlone =
    project.is_public &&
    changes.every((change) => change.userId === editor.user.id && change.role === "user");
  if (!isManager(editor) && (!joinsAlone || editor.role !== undefined))
    throw new AppError("forbidden", "Access denied");
  if (isManager(editor))
    await requireRights(deps, project, {
      editor,
      touched: changes.map((change) => change.userId),
      granted: changes.map((change) => change.role),
    });
  const touched = changes.map((change) => change.userId);
  await writeAll(deps.db, [
    ...addMembers(deps.db, project.id, changes),
    ...(await tellOfMembers(deps, project, { editor, touched, changes })),
  ]);
};

/** For managers, and for anyone who leaves. The last admin stays. */
export const removeProjectMembers = async (
  deps: Deps,
  project: ProjectRow,
  request: { editor: MemberEditor; usernames: string[] },
): Promise<void> => {
  const { editor } = request;
  const leaving = await Promise.all(request.usernames.map((name) => getUserByName(deps, name)));
  const ids = leaving.map((user) => user.id);
  if (!ids.every((id) => id === editor.user.id)) {
    if (!isManager(editor)) throw new AppError("forbidden", "Access denied");
    await requireRights(deps, project, { editor, touched: ids, granted: [] });
  }
  const present = await listMembers(deps.db, project.id);
  const stranger = leaving.find(({ id }) => !present.some((member) => member.user.id === id));
  if (stranger) throw new AppError("invalid", `User is not a member of this project: ${stranger.username}`);
  const admins = present.filter((member) => member.role === "admin");
  if (admins.length > 0 && admins.every((admin) => ids.includes(admin.user.id)))
    throw new AppError("conflict", `Cannot remove the last admin of project "${project.name}"`, {
      hint: "Make somebody else an admin first",
    });
  await writeAll(deps.db, [
    removeMembers(deps.db, project.id, ids),
    ...(await tellOfMembers(deps, project, { editor, touched: ids, changes: [] })),
  ]);
};
