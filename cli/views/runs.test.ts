import { describe, expect, test } from "bun:test";
import type { Job, JobSubmission } from "../../shared/api/jobs.ts";
import type { Run } from "../../shared/api/runs.ts";
import { aRun, aRunOfJobs } from "../testing/builders.ts";
import { memoryOutput } from "../testing/memoryOutput.ts";
import { renderRuns } from "./runs.ts";

const render = (run: Run, isVerbose = false): string[] =>
  renderRuns(memoryOutput().output, [run], { isVerbose, time: () => "now" })
    .split("\n")
    .slice(1, -1);

const withJobs = (run: Run, change: (job: Job, submission: JobSubmission, at: number) => Job): Run => ({
  ...run,
  jobs: run.jobs.map((job, at) => {
    const [submission] = job.job_submissions;
    if (!submission) throw new Error("A job has a submission");
    return change(job, submission, at);
  }),
});

const MIB = 1024 ** 2;

describe("renderRuns()", () => {
  test("shows a run of one job in one row", () => {
    expect(render(aRun("running"))).toEqual([" talker           -    -      running  now"]);
  });

  test("shows each of several jobs under the run, told apart by as little as possible", () => {
    const nodes = aRunOfJobs("running", [{ status: "running" }, { status: "pulling" }]);
    expect(render(nodes)).toEqual([
      " talker             -    -      running  now",
      "    job=0           -    -      running  now",
      "    job=1           -    -      pulling  now",
    ]);
    const replicas = withJobs(nodes, (job, _, at) => ({
      ...job,
      job_spec: { ...job.job_spec, job_num: 0, replica_num: at, replica_group: String(at) },
    }));
    expect(render(replicas).map((row) => row.slice(0, 25).trimEnd())).toEqual([
      " talker",
      "    group=0 replica=0",
      "    group=1 replica=1",
    ]);
  });

  test.each([
    [{ total_bytes: 500 * MIB, is_total_bytes_final: true }, "pulling 200/300/500MB"],
    [{ total_bytes: 500 * MIB, is_total_bytes_final: false }, "pulling 200/300/≥500MB"],
    [{ total_bytes: 2048 * MIB, is_total_bytes_final: true }, "pulling 0.20/0.29/2.00GB"],
  ])("shows how far an image is: %j", (total, text) => {
    const run = withJobs(aRun("provisioning"), (job, submission) => ({
      ...job,
      job_submissions: [
        {
          ...submission,
          status: "pulling",
          status_message: "pulling",
          image_pull_progress: { extracted_bytes: 200 * MIB, downloaded_bytes: 300 * MIB, ...total },
        },
      ],
    }));
    expect(render(run)[0]).toContain(` ${text} `);
  });

  test("marks probes while the job runs: ready, on the way, failing", () => {
    const probe = {
      type: "http" as const,
      url: "/",
      method: "get",
      headers: [],
      body: null,
      timeout: 1,
      interval: 1,
      until_ready: false,
    };
    const run = withJobs(aRun("running"), (job, submission) => ({
      ...job,
      job_spec: { ...job.job_spec, probes: [2, 2, 2].map((ready) => ({ ...probe, ready_after: ready })) },
      job_submissions: [
        { ...submission, probes: [{ success_streak: 2 }, { success_streak: 1 }, { success_streak: 0 }] },
      ],
    }));
    expect(render(run, true)[0]).toContain(" ✓~× ");
  });

  test("shows while an update rolls out which deployment a job belongs to", () => {
    const run = { ...aRun("running"), deployment_num: 1 };
    expect(render(run).map((row) => row.split("  ")[0]?.trim())).toEqual(["talker deployment=1", ""]);
    expect(render(run)[1]).toContain("deployment=0");
  });
});
