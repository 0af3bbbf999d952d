import { delay } from "../../shared/async/delay.ts";
import type { Cluster } from "./cluster.ts";

const SUBMITTERS = 96;
/** No more jobs at a time than this share of the hosts, so that each finds one at once. */
const BUSY = 0.6;
const LONGEST_MS = 60_000;

/** The first submission of the run in the answer, which is too large to be read as a whole just for that. */
const SUBMISSION_ID = /"job_submissions":\[\{"id":"([-0-9a-f]{36})"/;

export interface Submitted {
  /** For each, how long it took until the host's claim was durable; and when that was, by performance.now(). */
  times: number[];
  at: number[];
  seconds: number;
}

/** Submits runs, so many a second or as fast as it goes, and waits until each of them has its host. */
export const submitAll = async (
  cluster: Cluster,
  names: readonly string[],
  perSecond = Number.POSITIVE_INFINITY,
): Promise<Submitted> => {
  const { jobs } = cluster;
  const [times, at]: [number[], number[]] = [[], []];
  const begin = performance.now();
  let next = 0;
  const confirm = async (id: string, since: number): Promise<void> => {
    const confirmedAt = await jobs.whenConfirmed(id);
    times.push(confirmedAt - since);
    at.push(confirmedAt);
  };
  const confirming: Promise<void>[] = [];
  const submitter = async () => {
    using api = cluster.connect();
    for (let num = next++; num < names.length; num = next++) {
      const waitMs = begin + (num * 1000) / perSecond - performance.now();
      if (waitMs > 0) await delay(waitMs);
      await jobs.openOne(Math.max(1, Math.floor(cluster.agents.length * BUSY)));
      const since = performance.now();
      const id = await submit(api, names[num] ?? "");
      const confirmed = confirm(id, since);
      if (perSecond === Number.POSITIVE_INFINITY) await confirmed;
      else confirming.push(confirmed);
    }
  };
  const done = new AbortController();
  const longestMs = LONGEST_MS + (names.length / Math.min(perSecond, 100)) * 1000;
  const late = delay(longestMs, done.signal).then(() => {
    if (!done.signal.aborted)
      throw new Error(`${names.length - times.length} of ${names.length} jobs reached no host`);
  });
  const all = Promise.all(Array.from({ length: SUBMITTERS }, submitter)).then(() => Promise.all(confirming));
  await Promise.race([all, late]).finally(() => done.abort());
  return { times, at, seconds: (performance.now() - begin) / 1000 };
};

const submit = async (api: Api, name: string): Promise<string> => {
  const run_spec = {
    run_name: name,
    configuration: { type: "task", name, commands: ["true"], retry: true },
  };
  const plan = { run_spec, current_resource: null };
  const { status, text } = await api.post("/api/project/main/runs/apply", { plan, force: false });
  const id = SUBMISSION_ID.exec(text)?.[1];
  if (status !== 200 || id === undefined) throw new Error(`runs/apply answered ${status}: ${text}`);
  return id;
};

type Api = ReturnType<Cluster["connect"]>;

export const namesOf = (prefix: string, count: number): string[] =>
  Array.from({ length: count }, (_, at) => `${prefix}-${at}`);
