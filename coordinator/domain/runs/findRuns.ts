import type { GetRunRequest, ListRunsRequest, Run } from "../../../shared/api/runs.ts";
import { AppError } from "../../../shared/errors.ts";
import { isFinalRun } from "../../../shared/states.ts";
import type { Deps } from "../../deps.ts";
import { writeAll } from "../../store/db.ts";
import { listFleetsByIds } from "../../store/fleets.ts";
import type { Page } from "../../store/page.ts";
import { listProjectsByIds } from "../../store/projects.ts";
import {
  listRunKeys,
  listRunsByIds,
  markRunsDeleted,
  type RunFilter,
  type RunKey,
} from "../../store/runLists.ts";
import { findRun, findRunByName, type RunRow } from "../../store/runs.ts";
import { findUserByName, listUsersByIds, type UserRow } from "../../store/users.ts";
import { runDeleted } from "../events/runEvents.ts";
import { listVisibleProjects } from "../projects/visibleProjects.ts";
import { viewRuns } from "./viewRun.ts";

/** By name without deleted runs, by id with them. */
export const getRunRow = async (deps: Deps, projectId: string, key: GetRunRequest): Promise<RunRow> => {
  if (key.run_name === null && key.id === null)
    throw new AppError("invalid", "run_name or id must be specified");
  const run =
    key.id === null
      ? await findRunByName(deps.db, projectId, key.run_name ?? "")
      : await findRun(deps.db, key.id);
  if (run?.project_id !== projectId) throw new AppError("not_found", "Run not found");
  return run;
};

/** What clients get when they do not say how many attempts of each job they want. */
const DEFAULT_SUBMISSIONS = 10;

interface ListWish {
  request: ListRunsRequest;
  page: Page;
  /** The form in which the client reads runs: its name, and what makes it of a run. */
  form: { name: string; of: (run: Run) => unknown };
}

/**
 * JSON of the runs of all projects that the user may see; a project that is unknown has no runs (docs/spec/http-api.md
 * §2.6). Those that are over are told as they were told before, where nothing of them has been written since.
 */
export const listVisibleRuns = async (
  deps: Deps,
  user: UserRow,
  { request, page, form }: ListWish,
): Promise<string> => {
  const { db, runTexts } = deps;
  const filter = await filterOf(deps, user, request);
  if (!filter) return "[]";
  const options = {
    submissionsLimit: request.job_submissions_limit ?? DEFAULT_SUBMISSIONS,
    withJobs: request.include_jobs,
  };
  const at = db.$rows.now;
  const keys = await listRunKeys(db, filter, page);
  const names = await namesOf(deps, keys);
  const keyOf = (run: RunKey) =>
    JSON.stringify([form.name, options, names.project(run), names.user(run), names.fleet(run)]);
  const texts = new Map<string, string>();
  for (const run of keys) {
    const text = isFinalRun(run.status) ? runTexts.find(run.id, keyOf(run)) : undefined;
    if (text !== undefined) texts.set(run.id, text);
  }
  const others = keys.filter(({ id }) => !texts.has(id));
  const rows = await listRunsByIds(
    db,
    others.map(({ id }) => id),
  );
  for (const run of await viewRuns(deps, rows, options)) texts.set(run.id, JSON.stringify(form.of(run)));
  for (const row of rows) {
    const text = texts.get(row.id);
    if (text !== undefined && isFinalRun(row.status)) runTexts.keep(row.id, { key: keyOf(row), text, at });
  }
  return `[${keys.flatMap(({ id }) => texts.get(id) ?? []).join(",")}]`;
};

/** Undefined: nothing can fit. */
const filterOf = async (
  deps: Deps,
  user: UserRow,
  { project_name: projectName, repo_id: repoId, username, only_active: onlyActive }: ListRunsRequest,
): Promise<RunFilter | undefined> => {
  const author = username === null ? undefined : await getAuthor(deps, username);
  // Repositories are named within their project only.
  if (repoId !== null && projectName === null) return undefined;
  const projects = (await listVisibleProjects(deps, user)).filter(
    (project) => projectName === null || project.name === projectName,
  );
  return {
    projectIds: projects.map((project) => project.id),
    ...(author ? { userId: author.id } : {}),
    ...(repoId === null ? {} : { repoId }),
    onlyActive,
  };
};

/** Names that are told with runs, and may change without them. */
const namesOf = async ({ db }: Deps, keys: readonly RunKey[]) => {
  const ids = (of: (run: RunKey) => string | null) => [...new Set(keys.map(of))].filter((id) => id !== null);
  const projects = new Map(
    (
      await listProjectsByIds(
        db,
        ids((run) => run.project_id),
      )
    ).map((p) => [p.id, p.name]),
  );
  const users = new Map(
    (
      await listUsersByIds(
        db,
        ids((run) => run.user_id),
      )
    ).map((u) => [u.id, u.username]),
  );
  const fleets = new Map(
    (
      await listFleetsByIds(
        db,
        ids((run) => run.fleet_id),
      )
    ).map((f) => [f.id, f.name]),
  );
  return {
    project: (run: RunKey) => projects.get(run.project_id),
    user: (run: RunKey) => users.get(run.user_id),
    fleet: (run: RunKey) => fleets.get(run.fleet_id ?? ""),
  };
};

const getAuthor = async (deps: Deps, username: string): Promise<UserRow> => {
  const user = await findUserByName(deps.db, username);
  if (!user) throw new AppError("not_found", "User not found");
  return user;
};

/** Names that nobody holds, and runs that have ended, are passed over. */
export const stopRuns = async (
  deps: Deps,
  projectId: string,
  { names, abort, actorId }: { names: string[]; abort: boolean; actorId: string },
): Promise<void> => {
  for (const name of new Set(names)) {
    const run = await findRunByName(deps.db, projectId, name);
    if (run && !isFinalRun(run.status)) await deps.engine.stopRun(run.id, abort, actorId);
  }
};

/** All of them, or none while one is active. Their logs stay. */
export const deleteRuns = async (
  deps: Deps,
  projectId: string,
  { names, actorId }: { names: string[]; actorId: string },
): Promise<void> => {
  const found = await Promise.all([...new Set(names)].map((name) => findRunByName(deps.db, projectId, name)));
  const runs = found.filter((run) => run !== undefined);
  const active = runs.filter((run) => !isFinalRun(run.status)).map((run) => `'${run.name}'`);
  if (active.length > 0) throw new AppError("conflict", `Cannot delete active runs: [${active.join(", ")}]`);
  if (runs.length === 0) return;
  const ids = runs.map((run) => run.id);
  await writeAll(deps.db, [
    markRunsDeleted(deps.db, ids),
    ...deps.tell(runs.map((run) => runDeleted(run, actorId))),
  ]);
};
