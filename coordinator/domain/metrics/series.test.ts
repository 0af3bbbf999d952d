import { expect, test } from "bun:test";
import type { Metric } from "../../../shared/api/metrics.ts";
import type { GpuUsage } from "../../../shared/protocol/metrics.ts";
import type { Resources } from "../../../shared/resources/offered.ts";
import { hostPoint, jobPoint } from "../../store/usage.ts";
import { hostSeries, jobSeries } from "./series.ts";

const ID = "9d2c1f0e-3b4a-4c5d-8e6f-7a8b9c0d1e2f";
const START = Date.UTC(2026, 0, 1);

/** A point every ten seconds in which 15 s of processor time were used, newest first. */
const points = (count: number, gpusAt: (at: number) => GpuUsage[] = () => []) =>
  Array.from({ length: count }, (_, at) =>
    jobPoint(START + at * 10_000, {
      submission_id: ID,
      cpu_us: at * 15_000_000,
      memory_bytes: 1000 + at,
      working_set_bytes: 500 + at,
      network_in_bytes: at * 50_000,
      gpus: gpusAt(at),
    }),
  ).reverse();

const resources: Resources = {
  cpus: 8,
  memory_mib: 32_768,
  gpus: [{ name: "H100", memory_mib: 81_920, vendor: "nvidia" }],
  spot: false,
  disk: { size_mib: 1 },
  cpu_arch: "x86",
  description: "",
};

const byName = (metrics: readonly Metric[]) => new Map(metrics.map((metric) => [metric.name, metric]));

test.each([0, 1])("%p points say nothing", (count) =>
  expect(jobSeries(points(count), resources)).toEqual([]),
);

test("series of a job, newest first, the first point only to tell the next one's processor time by", () => {
  const metrics = jobSeries(points(3), resources);
  expect(metrics.map(({ name }) => name)).toEqual([
    "cpu_usage_percent",
    "memory_usage_bytes",
    "memory_working_set_bytes",
    "cpus_detected_num",
    "memory_total_bytes",
    "gpus_detected_num",
    "gpu_memory_total_bytes",
    "network_in_bytes_per_second",
  ]);
  const timestamps = ["2026-01-01T00:00:20.000000Z", "2026-01-01T00:00:10.000000Z"];
  const found = byName(metrics);
  expect(found.get("cpu_usage_percent")).toEqual({
    name: "cpu_usage_percent",
    timestamps,
    values: [150, 150],
  });
  expect(found.get("memory_usage_bytes")?.values).toEqual([1002, 1001]);
  expect(found.get("memory_working_set_bytes")?.values).toEqual([502, 501]);
  expect(found.get("memory_total_bytes")?.values).toEqual([32_768 * 1024 ** 2, 32_768 * 1024 ** 2]);
  expect(found.get("gpus_detected_num")?.values).toEqual([0, 0]);
  expect(found.get("network_in_bytes_per_second")?.values).toEqual([5000, 5000]);
});

test("each GPU has its series; what was not told at a moment is missing at that moment alone", () => {
  const gpus = (at: number): GpuUsage[] => [
    { utilization: 90 + at, memory_bytes: 100, temperature: 60 },
    { ...(at === 1 ? {} : { utilization: at }), memory_bytes: 200 },
  ];
  const found = byName(jobSeries(points(3, gpus), resources));
  expect(found.get("gpu_util_percent_gpu0")?.values).toEqual([92, 91]);
  expect(found.get("gpu_util_percent_gpu1")).toEqual({
    name: "gpu_util_percent_gpu1",
    timestamps: ["2026-01-01T00:00:20.000000Z"],
    values: [2],
  });
  expect(found.get("gpu_memory_usage_bytes_gpu1")?.values).toEqual([200, 200]);
  expect(found.get("gpu_temperature_celsius_gpu0")?.values).toEqual([60, 60]);
  expect(found.has("gpu_temperature_celsius_gpu1")).toBe(false);
  expect(found.has("gpu_power_watts_gpu0")).toBe(false);
});

test("where the number of GPUs has changed, there are no series of them", () => {
  const names = jobSeries(
    points(3, (at) => (at === 2 ? [{ utilization: 1 }] : [{ utilization: 1 }, { utilization: 2 }])),
    resources,
  ).map(({ name }) => name);
  expect(names.filter((name) => /_gpu\d/.test(name))).toEqual([]);
});

test("a counter that began anew tells no negative use", () => {
  const [newest, ...older] = points(3);
  if (!newest) throw new Error("There are three points");
  const found = byName(jobSeries([{ ...newest, cpu_us: 0, network_in_bytes: 0 }, ...older], undefined));
  expect(found.get("cpu_usage_percent")?.values).toEqual([0, 150]);
  expect(found.get("network_in_bytes_per_second")?.values).toEqual([0, 5000]);
});

test("series of a host", () => {
  const host = (at: number) =>
    hostPoint(ID, START + at * 60_000, {
      cpu_us: at * 60_000_000,
      memory_bytes: 10,
      memory_total_bytes: 100,
      disk_used_bytes: 7,
      disk_total_bytes: 70,
      gpus: [{ utilization: 5 }],
    });
  const found = byName(hostSeries([host(1), host(0)], 4));
  expect(found.get("cpu_usage_percent")?.values).toEqual([100]);
  expect(found.get("disk_used_bytes")?.values).toEqual([7]);
  expect(found.get("gpu_util_percent_gpu0")?.values).toEqual([5]);
});
