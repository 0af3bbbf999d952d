import type { ListRunsRequest, Run } from "../../shared/api/runs.ts";
import { answerOf, hasKeys, isListOf, isNullOr, isText } from "./answer.ts";
import { type Api, post, postForNothing, type RequestOptions } from "./client.ts";
import { missing } from "./missing.ts";
import { isMissing } from "./refusal.ts";

export const runAnswer = answerOf<Run>(
  hasKeys({
    id: isText,
    status: isText,
    submitted_at: isText,
    run_spec: hasKeys({ configuration: hasKeys({ type: isText }), run_name: isNullOr(isText) }),
    jobs: isListOf(
      hasKeys({
        job_spec: hasKeys(),
        job_submissions: isListOf(hasKeys({ id: isText, status: isText, submitted_at: isText })),
      }),
    ),
  }),
);

/** What one answer may hold at most. */
export const MOST_RUNS = 100;

/** Over all projects that the caller may see; an unknown project has no runs (docs/spec/http-api.md §2.6). */
export const listRuns = (
  api: Api,
  wish: { onlyActive: boolean; limit: number },
  options: RequestOptions = {},
): Promise<Run[]> => {
  const body: ListRunsRequest = {
    project_name: api.connection.project,
    repo_id: null,
    username: null,
    only_active: wish.onlyActive,
    include_jobs: true,
    job_submissions_limit: 1,
    prev_submitted_at: null,
    prev_run_id: null,
    limit: wish.limit,
    ascending: false,
  };
  const answer = answerOf<Run[]>(isListOf(runAnswer.check));
  return post(api, { path: "/api/runs/list", body, answer, ...options });
};

export interface RunKey {
  readonly name?: string;
  readonly id?: string;
}

export const findRun = async (api: Api, key: RunKey): Promise<Run | undefined> => {
  try {
    const body = { run_name: key.name ?? null, id: key.id ?? null };
    return await post(api, { path: `${api.project}/runs/get`, body, answer: runAnswer });
  } catch (err) {
    if (isMissing(err)) return undefined;
    throw err;
  }
};

export const getRun = async (api: Api, key: RunKey): Promise<Run> => {
  const run = await findRun(api, key);
  if (run) return run;
  throw await missing(`Run ${key.name ?? key.id} not found`, key.name, async (signal) =>
    (await listRuns(api, { onlyActive: false, limit: MOST_RUNS }, { signal })).map(
      ({ deleted, run_spec: spec }) => (deleted ? null : spec.run_name),
    ),
  );
};

export const stopRun = (api: Api, name: string, abort: boolean): Promise<void> =>
  postForNothing(api, `${api.project}/runs/stop`, { runs_names: [name], abort });

export const deleteRun = (api: Api, name: string): Promise<void> =>
  postForNothing(api, `${api.project}/runs/delete`, { runs_names: [name] });
