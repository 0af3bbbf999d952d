import type { Event, EventTarget, ListEventsRequest } from "../../../shared/api/events.ts";
import { microsOfWireTime, wireTimeOfMicros } from "../../../shared/api/scalars.ts";
import type { Deps } from "../../deps.ts";
import { type EventFilter, type EventScope, type ListedEvent, listEvents } from "../../store/eventLists.ts";
import { listIdsWithFormer } from "../../store/formerInstances.ts";
import { listInstancesByIds } from "../../store/instanceLists.ts";
import { listProjectIdsOfMember } from "../../store/members.ts";
import { listProjectsByIds, type ProjectRow } from "../../store/projects.ts";
import { listSubmissionsByIds } from "../../store/submissions.ts";
import { listUsersByIds, type UserRow } from "../../store/users.ts";

/**
 * What the user may see of what is asked for: events about the user, and those of the user's projects; global admins
 * see all (docs/spec/http-api.md §2.12).
 */
export const listVisibleEvents = async (
  deps: Deps,
  user: UserRow,
  request: ListEventsRequest,
): Promise<Event[]> => {
  const filter = filterOf(user, {
    ...request,
    ...(request.target_instances
      ? { target_instances: await listIdsWithFormer(deps.db, request.target_instances) }
      : {}),
  });
  const { ascending, limit, prev_id: prevId, prev_recorded_at: prev } = request;
  const page = { prevTime: prev === null ? null : microsOfWireTime(prev), prevId, ascending, limit };
  return viewEvents(deps, await listEvents(deps.db, await scopesOf(deps, filter), { filter, page }));
};

const TARGETS = [
  ["project", "target_projects"],
  ["user", "target_users"],
  ["fleet", "target_fleets"],
  ["instance", "target_instances"],
  ["run", "target_runs"],
  ["job", "target_jobs"],
  ["volume", "target_volumes"],
  ["gateway", "target_gateways"],
  ["gateway-replica", "target_gateway_replicas"],
  ["secret", "target_secrets"],
  ["preset", "target_presets"],
] as const;

const WITHIN = [
  ["project", "within_projects"],
  ["fleet", "within_fleets"],
  ["run", "within_runs"],
  ["gateway", "within_gateways"],
] as const;

const filterOf = (user: UserRow, request: ListEventsRequest): EventFilter => {
  const { include_target_types: types, actors } = request;
  const [targets] = TARGETS.flatMap(([type, key]) => (request[key] ? [{ type, ids: request[key] }] : []));
  const [within] = WITHIN.flatMap(([type, key]) => (request[key] ? [{ type, ids: request[key] }] : []));
  return {
    ...(targets ? { targets } : {}),
    ...(within ? { within } : {}),
    ...(types ? { types } : {}),
    ...(actors ? { actors } : {}),
    ...(user.global_role === "admin" ? {} : { visibleTo: user.id }),
  };
};

const COLUMN = {
  project: "project_id",
  user: "user_id",
  fleet: "fleet_id",
  instance: "instance_id",
  run: "run_id",
} as const satisfies Record<string, EventScope["column"]>;

/** The narrowest places that have all that the filter lets through. */
const scopesOf = async (
  deps: Deps,
  { targets, within, visibleTo }: EventFilter,
): Promise<(EventScope | undefined)[]> => {
  const inColumn = (column: EventScope["column"], ids: readonly string[]) =>
    [...new Set(ids)].map((id): EventScope => ({ column, id }));
  if (targets && targets.type in COLUMN)
    return inColumn(COLUMN[targets.type as keyof typeof COLUMN], targets.ids);
  if (targets?.type === "job") {
    const jobs = await listSubmissionsByIds(deps.db, [...targets.ids]);
    // Attempts that never found a host are deleted in time: then the events alone know whose they were.
    const areAllKnown = targets.ids.every((id) => jobs.some((job) => job.id === id));
    if (areAllKnown)
      return inColumn(
        "run_id",
        jobs.map((job) => job.run_id),
      );
  }
  if (within && within.type !== "gateway") return inColumn(COLUMN[within.type], within.ids);
  if (visibleTo === undefined) return [undefined];
  const projects = await listProjectIdsOfMember(deps.db, visibleTo);
  return [...inColumn("project_id", projects), ...inColumn("user_id", [visibleTo])];
};

const viewEvents = async (deps: Deps, events: readonly ListedEvent[]): Promise<Event[]> => {
  const { db } = deps;
  const idsOf = (pick: (event: ListedEvent) => (string | null | undefined)[]) => [
    ...new Set(events.flatMap(pick).filter((id) => id !== null && id !== undefined)),
  ];
  const unnamed = idsOf(({ targets }) => targets.map(({ id, name }) => (name === undefined ? id : null)));
  const [projects, actors, instances] = await Promise.all([
    listProjectsByIds(
      db,
      idsOf(({ projectId }) => [projectId]),
    ),
    listUsersByIds(
      db,
      idsOf(({ actor }) => [actor]),
    ),
    listInstancesByIds(db, unnamed),
  ]);
  const named = new Map(instances.map(({ id, name }) => [id, name]));
  return events.map(({ id, message, recordedAt, actor: actorId, projectId, targets }) => {
    const actor = actors.find((user) => user.id === actorId);
    const project = projects.find((one) => one.id === projectId);
    return {
      id,
      message,
      recorded_at: wireTimeOfMicros(recordedAt),
      actor_user_id: actorId ?? null,
      actor_user: actor?.username ?? null,
      is_actor_user_deleted: actor?.deleted ?? null,
      targets: targets.map(({ type, id: targetId, name }): EventTarget => {
        const own = { type, id: targetId, name: name ?? named.get(targetId) ?? "" };
        return { ...own, ...placeOf(type === "user" ? undefined : project) };
      }),
    };
  });
};

/** A user belongs to no project, even where one is told of as well. */
const placeOf = (project: ProjectRow | undefined) => ({
  project_id: project?.id ?? null,
  project_name: project?.name ?? null,
  is_project_deleted: project?.deleted ?? null,
});
