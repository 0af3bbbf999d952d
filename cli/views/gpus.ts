import type { GpuGroup } from "../../shared/api/gpus.ts";
import type { Output } from "../context.ts";
import { type Column, type Row, renderTable } from "../output/table.ts";
import { backendName } from "./price.ts";

/** More regions than this are counted instead of named. */
const MOST_REGIONS = 3;

/** The table of `offer --group-by` (docs/spec/cli.md §7.2); prices are per GPU. */
export const renderGpus = (out: Output, gpus: readonly GpuGroup[], grouping: readonly string[]): string => {
  const byBackend = grouping.includes("backend");
  const byRegion = grouping.includes("region");
  const columns: Column[] = [
    { title: "#" },
    { title: "GPU" },
    { title: "SPOT" },
    { title: "$/GPU", isWhole: true },
    ...(byBackend
      ? [{ title: "BACKEND" }, { title: byRegion ? "REGION" : "REGIONS" }]
      : [{ title: "BACKENDS" }]),
    { title: "", isWhole: true },
  ];
  const rows: Row[] = gpus.map((gpu, at) => ({
    cells: [
      String(at + 1),
      `${gpu.name}:${Number((gpu.memory_mib / 1024).toFixed(1))}GB:${between(gpu.count)}`,
      gpu.spot.join(", "),
      between(gpu.price),
      ...(byBackend ? [backendName(gpu.backend ?? ""), gpu.region ?? regionsOf(gpu)] : [backendsOf(gpu)]),
      availabilityOf(gpu),
    ],
    ...(at > 0 && { style: "dim" as const }),
  }));
  return renderTable(out, columns, rows);
};

const between = ({ min, max }: { min: number; max: number }): string => {
  const [low, high] = [min, max].map((each) => String(Number(each.toFixed(4))));
  return low === high ? `${low}` : `${low}..${high}`;
};

const regionsOf = ({ regions = [] }: GpuGroup): string =>
  regions.length > MOST_REGIONS ? `${regions.length} regions` : regions.join(", ");

const backendsOf = (gpu: GpuGroup): string => {
  const regions = regionsOf(gpu);
  return `${(gpu.backends ?? []).map(backendName).join(", ")}${regions === "" ? "" : ` (${regions})`}`;
};

const availabilityOf = ({ availability }: GpuGroup): string =>
  availability
    .filter((word) => word !== "available" && word !== "unknown")
    .map((word) => word.replaceAll("_", " "))
    .join(", ");
