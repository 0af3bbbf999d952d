import type { Metrics } from "../../shared/api/metrics.ts";
import { answerOf, hasKeys, isListOf, isNumber, isText } from "./answer.ts";
import { type Api, get } from "./client.ts";

/** More samples than are kept of a running job. */
const MOST_SAMPLES = 1000;

const metricsAnswer = answerOf<Metrics>(
  hasKeys({
    metrics: isListOf(hasKeys({ name: isText, timestamps: isListOf(isText), values: isListOf(isNumber) })),
  }),
);

export interface JobKey {
  readonly runName: string;
  readonly replicaNum: number;
  readonly jobNum: number;
}

/** What the latest attempt at a job used, newest first. */
export const getJobMetrics = (api: Api, { runName, replicaNum, jobNum }: JobKey): Promise<Metrics> => {
  const query = new URLSearchParams({
    replica_num: String(replicaNum),
    job_num: String(jobNum),
    limit: String(MOST_SAMPLES),
  });
  const path = `${api.project}/metrics/job/${encodeURIComponent(runName)}?${query}`;
  return get(api, { path, answer: metricsAnswer });
};
