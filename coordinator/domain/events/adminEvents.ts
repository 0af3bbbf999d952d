import type { NewEvent } from "../../store/events.ts";
import type { ProjectRole } from "../../store/members.ts";
import type { ProjectRow } from "../../store/projects.ts";
import type { UserRow } from "../../store/users.ts";
import { aboutProject, aboutSecret, aboutUser, type TellableSecret } from "./subjects.ts";

type TellableUser = Pick<UserRow, "id" | "username">;
type TellableProject = Pick<ProjectRow, "id" | "name">;

const userEvent =
  (message: string) =>
  (user: TellableUser, actorId: string): NewEvent => ({ message, actorId, targets: [aboutUser(user)] });

export const userCreated = userEvent("User created");
export const userDeleted = userEvent("User deleted");
export const userSshKeyRefreshed = userEvent("User SSH key refreshed");
export const publicKeyAdded = userEvent("Public key added");
export const publicKeyDeleted = userEvent("Public key deleted");
export const userTokenRefreshed = userEvent("User token refreshed");

/** `fields`: what of it is another now. */
export const userUpdated = (user: TellableUser, fields: readonly string[], actorId: string): NewEvent =>
  userEvent(`User updated. Changed fields: ${fields.join(", ") || "none"}`)(user, actorId);

const projectEvent =
  (message: string) =>
  (project: TellableProject, actorId: string): NewEvent => ({
    message,
    actorId,
    targets: [aboutProject(project)],
  });

export const projectCreated = projectEvent("Project created");
export const projectDeleted = projectEvent("Project deleted");

export const projectUpdated = (
  project: TellableProject,
  fields: readonly string[],
  actorId: string,
): NewEvent =>
  projectEvent(`Project updated. Changed fields: ${fields.join(", ") || "none"}`)(project, actorId);

/** There are no events of exports themselves: they are told of the project that shares. */
export const exportChanged = (
  project: TellableProject,
  { name, how }: { name: string; how: "created" | "updated" | "deleted" },
  actorId: string,
): NewEvent => projectEvent(`Export ${name} ${how}`)(project, actorId);

export const importDeleted = (project: TellableProject, name: string, actorId: string): NewEvent =>
  projectEvent(`Import ${name} deleted`)(project, actorId);

const secretEvent =
  (message: string) =>
  (secret: TellableSecret, actorId: string): NewEvent => ({
    message,
    actorId,
    targets: [aboutSecret(secret)],
  });

export const secretCreated = secretEvent("Secret created");
export const secretUpdated = secretEvent("Secret updated");
export const secretDeleted = secretEvent("Secret deleted");

/** Undefined: not a member. */
export const memberChanged = (
  project: TellableProject,
  user: TellableUser,
  { from, to, actorId }: { from: ProjectRole | undefined; to: ProjectRole | undefined; actorId: string },
): NewEvent[] => {
  if (from === to) return [];
  const message =
    from === undefined
      ? `Project member added. Role: ${to?.toUpperCase()}`
      : to === undefined
        ? "Project member removed"
        : `Project member role changed ${from.toUpperCase()} -> ${to.toUpperCase()}`;
  return [{ message, actorId, targets: [aboutProject(project), aboutUser(user)] }];
};
