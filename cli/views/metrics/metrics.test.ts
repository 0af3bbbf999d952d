import { describe, expect, test } from "bun:test";
import type { Job } from "../../../shared/api/jobs.ts";
import type { Metric } from "../../../shared/api/metrics.ts";
import { toWireTime } from "../../../shared/api/scalars.ts";
import { aRun, aRunOfJobs } from "../../testing/builders.ts";
import { memoryOutput } from "../../testing/memoryOutput.ts";
import { timeAxis } from "./axis.ts";
import { jobLabels } from "./labels.ts";
import { renderMetrics } from "./render.ts";
import { HOST_RAMP, sparkline } from "./sparkline.ts";

const NOW = new Date(2026, 2, 1, 12, 30).getTime();
const HOUR = 3_600_000;
const { output: out } = memoryOutput({ columns: 80 });

describe("sparkline()", () => {
  const draw = (percents: (number | undefined)[], width = percents.length) => {
    const window = { from: 0, to: percents.length };
    const points = percents.flatMap((percent, at) =>
      percent === undefined ? [] : [{ at: at + 0.5, percent }],
    );
    return sparkline(out, points, { window, width, ramp: HOST_RAMP });
  };

  test("is as high as the value, on a scale that never changes", () => {
    expect(draw([0, 17, 34, 50, 67, 84, 100])).toBe("▁▂▃▄▅▆▇");
    expect(draw([3, 3, 3])).toBe("▁▁▁");
  });
  test("what is off the scale stays on it", () => expect(draw([-5, 250])).toBe("▁▇"));
  test("has a gap where nothing was sampled", () =>
    expect(draw([undefined, 100, undefined, 100])).toBe(" ▇ ▇"));
  test("shows the highest of several values", () => expect(draw([0, 100, 0, 0, 0, 0], 3)).toBe("▇▁▁"));
  test("ends with the newest value alone", () => {
    const points = [
      { at: 8, percent: 100 },
      { at: 10, percent: 0 },
    ];
    expect(sparkline(out, points, { window: { from: 0, to: 10 }, width: 2, ramp: HOST_RAMP })).toBe(" ▁");
  });
  test("the colour is the mean's, once for neighbours that share it", () => {
    const coloured = { ...out, hasColour: true };
    const points = [
      { at: 1, percent: 10 },
      { at: 3, percent: 20 },
      { at: 5, percent: 99 },
    ];
    const drawn = sparkline(coloured, points, { window: { from: 0, to: 6 }, width: 3, ramp: HOST_RAMP });
    expect(drawn).toBe("\x1b[34m▁▂\x1b[0m\x1b[31m▆\x1b[0m");
  });
});

describe("timeAxis()", () => {
  const window = { from: NOW - HOUR, to: NOW };
  test("from the first moment to now", () =>
    expect(timeAxis(window, 24, NOW)).toBe("1 Mar 11:30 ┄┄┄┄┄┄┄┄ now"));
  test("without the day where there is little room", () =>
    expect(timeAxis(window, 12, NOW)).toBe("11:30 ┄┄ now"));
  test("of a run that has ended, when that was", () =>
    expect(timeAxis(window, 30, NOW + HOUR)).toBe("1 Mar 11:30 ┄┄┄┄┄┄ 1 Mar 12:30"));
  test("nothing where there is no room", () => expect(timeAxis(window, 9, NOW)).toBe(""));
});

describe("jobLabels()", () => {
  const spec = (replica_group: string, replica_num: number, job_num: number) => {
    const [job] = aRun("running").jobs;
    if (!job) throw new Error("A run has a job");
    return { ...job, job_spec: { ...job.job_spec, replica_group, replica_num, job_num } } as Job;
  };
  test.each([
    ["one job", [spec("0", 0, 0)], ["job=0"]],
    ["nodes", [spec("0", 0, 0), spec("0", 0, 1)], ["job=0", "job=1"]],
    ["replicas", [spec("0", 0, 0), spec("0", 1, 0)], ["replica=0 job=0", "replica=1 job=0"]],
    [
      "groups",
      [spec("gpu", 0, 0), spec("gpu", 1, 0), spec("cpu", 2, 0)],
      ["group=gpu replica=0 job=0", "          replica=1 job=0", "group=cpu replica=2 job=0"],
    ],
  ])("%s", (_, jobs, labels) => expect(jobLabels(jobs)).toEqual(labels));
});

describe("renderMetrics()", () => {
  const offer = {
    backend: "remote",
    instance: {
      name: "instance",
      resources: {
        cpus: 4,
        memory_mib: 8192,
        gpus: [{ vendor: "nvidia", name: "H100", memory_mib: 81_920 }],
        spot: false,
      },
    },
    region: "remote",
    price: 0,
    availability: "idle",
  };
  const changes = { job_runtime_data: { network_mode: "host", offer } };
  const job = aRun("running", undefined, changes).jobs[0];
  if (!job) throw new Error("A run has a job");

  const series = (name: string, valueAt: (at: number) => number, count = 360): Metric => ({
    name,
    // Newest first.
    timestamps: Array.from({ length: count }, (_, at) => toWireTime(NOW - at * 10_000)),
    values: Array.from({ length: count }, (_, at) => valueAt(count - 1 - at)),
  });

  test("processors and memory of a job, and of each of its GPUs, over the last hour", () => {
    const metrics = [
      series("cpu_usage_percent", (at) => (at / 359) * 400),
      series("memory_working_set_bytes", () => 4 * 1024 ** 3),
      series("gpu_util_percent_gpu0", () => 97),
      series("gpu_memory_usage_bytes_gpu0", () => 71 * 1024 ** 3),
    ];
    expect(renderMetrics(out, [{ job, metrics }], NOW)).toBe(
      [
        "               UTILIZATION                  MEMORY",
        " job=0  cpu    ▁▁▁▂▂▂▂▃▃▃▃▄▄▄▅▅▅▅▆▆▆▇ 100%  ▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄ 4GB/8GB",
        "        gpu=0  ▆▆▆▆▆▆▆▆▆▆▆▆▆▆▆▆▆▆▆▆▆▆ 97%   ▆▆▆▆▆▆▆▆▆▆▆▆▆▆▆▆▆▆▆▆▆▆ 71GB/80GB",
        "",
        "               1 Mar 11:30 ┄┄┄┄┄┄ now       1 Mar 11:30 ┄┄┄┄┄┄ now",
        "",
      ].join("\n"),
    );
  });

  test("a job without samples", () => {
    expect(renderMetrics(out, [{ job, metrics: [] }], NOW)).toBe(
      [
        "               UTILIZATION  MEMORY",
        " job=0  cpu    no data      no data",
        "        gpu=0  no data      no data",
        "",
      ].join("\n"),
    );
  });

  test("several jobs share one time: the later one begins where it began", () => {
    const [first, second] = aRunOfJobs("running", [{ status: "running" }, { status: "running" }]).jobs;
    if (!first || !second) throw new Error("A run of two jobs has two");
    const shown = renderMetrics(
      memoryOutput({ columns: 60 }).output,
      [
        { job: first, metrics: [series("cpu_usage_percent", () => 100)] },
        { job: second, metrics: [series("cpu_usage_percent", () => 0, 180)] },
      ],
      NOW,
    );
    expect(shown).toBe(
      [
        "             UTILIZATION        MEMORY",
        " job=0  cpu  ▇▇▇▇▇▇▇▇▇▇▇▇ 100%  no data",
        "",
        " job=1  cpu        ▁▁▁▁▁▁ 0%    no data",
        "",
        "             11:30 ┄┄ now       11:30 ┄┄ now",
        "",
      ].join("\n"),
    );
  });
});
