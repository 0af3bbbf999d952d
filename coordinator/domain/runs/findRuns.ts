import type { GetRunRequest, ListRunsRequest, Run } from "../../../shared/api/runs.ts";
import { AppError } from "../../../shared/errors.ts";
import { isFinalRun } from "../../../shared/states.ts";
import type { Deps } from "../../deps.ts";
import { writeAll } from "../../store/db.ts";
import type { Page } from "../../store/page.ts";
import { listRuns, markRunsDeleted } from "../../store/runLists.ts";
import { findRun, findRunByName, type RunRow } from "../../store/runs.ts";
import { findUserByName, type UserRow } from "../../store/users.ts";
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

/** Over all projects that the user may see; one that is unknown has no runs (docs/spec/http-api.md §2.6). */
export const listVisibleRuns = async (
  deps: Deps,
  user: UserRow,
  { request, page }: { request: ListRunsRequest; page: Page },
): Promise<Run[]> => {
  const { project_name: projectName, repo_id: repoId, username } = request;
  const author = username === null ? undefined : await getAuthor(deps, username);
  // Repositories are named within their project only.
  if (repoId !== null && projectName === null) return [];
  const projects = (await listVisibleProjects(deps, user)).filter(
    (project) => projectName === null || project.name === projectName,
  );
  const filter = {
    projectIds: projects.map((project) => project.id),
    ...(author ? { userId: author.id } : {}),
    ...(repoId === null ? {} : { repoId }),
    onlyActive: request.only_active,
  };
  return viewRuns(deps, await listRuns(deps.db, filter, page), {
    submissionsLimit: request.job_submissions_limit ?? DEFAULT_SUBMISSIONS,
    withJobs: request.include_jobs,
  });
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
