import type { Job } from "../../../shared/api/jobs.ts";
import type { Metric, Metrics } from "../../../shared/api/metrics.ts";
import { fromWireTime } from "../../../shared/api/scalars.ts";
import type { Resources } from "../../../shared/resources/offered.ts";
import type { Output } from "../../context.ts";
import { styled } from "../../output/style.ts";
import { type Column, type Row, renderTable } from "../../output/table.ts";
import { timeAxis } from "./axis.ts";
import { jobLabels } from "./labels.ts";
import { DEVICE_RAMP, HOST_RAMP, type Ramp, sparkline, type Window } from "./sparkline.ts";

export interface JobMetrics {
  readonly job: Job;
  readonly metrics: Metrics["metrics"];
}

/** What is kept of a running job, and the least that is drawn (docs/spec/lifecycle.md §7.2). */
const LEAST_MS = 3_600_000;

/** What stands beside the two charts: `gpu=N`, both figures, and the space between the columns. */
const BESIDE = 30;
const [NARROWEST, WIDEST] = [10, 80];
/** Where there is no terminal (docs/spec/cli.md §1). */
const COLUMNS = 80;

const MIB = 1024 ** 2;
const TABLE: readonly Column[] = [
  { title: "", isWhole: true },
  { title: "", style: "dim", isWhole: true },
  { title: "UTILIZATION", isWhole: true },
  { title: "MEMORY", isWhole: true },
];

/** One row for the processors of each job and one for each of its GPUs, all over the same time (docs/spec/cli.md §7.7). */
export const renderMetrics = (out: Output, jobs: readonly JobMetrics[], now: number): string => {
  const labels = jobLabels(jobs.map(({ job }) => job));
  const window = windowOf(jobs);
  const room = (out.columns ?? COLUMNS) - BESIDE - Math.max(0, ...labels.map((label) => label.length));
  const width = Math.max(NARROWEST, Math.min(WIDEST, Math.floor(room / 2)));
  const rows = jobs.flatMap(({ job, metrics }, at) => {
    const own = jobRows(out, { job, metrics, label: labels[at] ?? "", window, width });
    return at > 0 ? [EMPTY, ...own] : own;
  });
  if (window) {
    const axis = styled(out, timeAxis(window, width, now), "grey");
    rows.push(EMPTY, { cells: ["", "", axis, axis] });
  }
  return renderTable(out, TABLE, rows);
};

const EMPTY: Row = { cells: ["", "", "", ""] };

interface Drawn {
  readonly job: Job;
  readonly metrics: readonly Metric[];
  readonly label: string;
  readonly window: Window | undefined;
  readonly width: number;
}

const jobRows = (out: Output, { job, metrics, label, window, width }: Drawn): Row[] => {
  const resources = resourcesOf(job);
  const cell = (name: string, ramp: Ramp, scale: Scale) => {
    const metric = metrics.find((each) => each.name === name);
    if (!window || !metric || metric.values.length === 0) return styled(out, "no data", "grey");
    const points = metric.values.map((value, at) => ({
      at: fromWireTime(metric.timestamps[at] ?? ""),
      percent: scale.percent(value),
    }));
    return `${sparkline(out, points, { window, width, ramp })} ${scale.text(metric.values[0] ?? 0)}`;
  };
  const gpus = resources?.gpus.length || latest(metrics, "gpus_detected_num") || 0;
  const memory = resources && resources.memory_mib * MIB;
  return [
    {
      cells: [
        label,
        "cpu",
        cell("cpu_usage_percent", HOST_RAMP, percentOf(resources?.cpus || 1)),
        cell("memory_working_set_bytes", HOST_RAMP, bytesOf(memory)),
      ],
    },
    ...[...Array(gpus).keys()].map((gpu) => ({
      cells: [
        "",
        `gpu=${gpu}`,
        cell(`gpu_util_percent_gpu${gpu}`, DEVICE_RAMP, percentOf(1)),
        cell(`gpu_memory_usage_bytes_gpu${gpu}`, DEVICE_RAMP, bytesOf(gpuMemory(resources, gpu))),
      ],
    })),
  ];
};

interface Scale {
  readonly percent: (value: number) => number;
  readonly text: (value: number) => string;
}

const percentOf = (cores: number): Scale => ({
  percent: (value) => value / cores,
  text: (value) => `${(value / cores).toFixed(0)}%`,
});

const bytesOf = (total: number | undefined): Scale => ({
  percent: (value) => (total ? (value / total) * 100 : 0),
  text: (value) => (total ? `${memoryText(value)}/${memoryText(total)}` : memoryText(value)),
});

/** `71GB`, or `312MB` below one. */
const memoryText = (bytes: number): string => {
  const mib = bytes / MIB;
  return mib >= 1024 ? `${Math.round(mib / 1024)}GB` : `${Math.round(mib)}MB`;
};

const gpuMemory = (resources: Resources | undefined, gpu: number): number | undefined => {
  const mib = resources?.gpus[gpu]?.memory_mib;
  return mib ? mib * MIB : undefined;
};

const latest = (metrics: readonly Metric[], name: string): number | undefined =>
  metrics.find((metric) => metric.name === name)?.values[0];

const resourcesOf = (job: Job): Resources | undefined => {
  const submission = job.job_submissions.at(-1);
  return (
    submission?.job_runtime_data?.offer?.instance.resources ??
    submission?.job_provisioning_data?.instance_type.resources
  );
};

/** From the oldest sample to the newest, and an hour at least. Undefined: there are none. */
const windowOf = (jobs: readonly JobMetrics[]): Window | undefined => {
  const times = jobs.flatMap(({ metrics }) =>
    metrics.flatMap(({ timestamps }) =>
      [timestamps[0], timestamps.at(-1)].filter((time) => time !== undefined),
    ),
  );
  if (times.length === 0) return undefined;
  const moments = times.map(fromWireTime);
  const to = Math.max(...moments);
  return { from: Math.min(to - LEAST_MS, ...moments), to };
};
