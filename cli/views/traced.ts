import { type FileMapping, printFile } from "../../shared/config/files.ts";
import { type Mount, printMount } from "../../shared/config/mounts.ts";
import { type Port, printPort } from "../../shared/config/ports.ts";
import { type EntityReference, printReference } from "../../shared/config/reference.ts";
import type { Source, Traced } from "../../shared/config/trace.ts";
import { type CpuSpec, printCpu } from "../../shared/resources/cpu.ts";
import { printDuration } from "../../shared/resources/duration.ts";
import { formatGpuSpec } from "../../shared/resources/format.ts";
import type { GpuSpec } from "../../shared/resources/gpu.ts";
import { printMemory } from "../../shared/resources/memory.ts";
import { printRange, Range } from "../../shared/resources/range.ts";
import { isMapping } from "../../shared/schema/scalar.ts";
import type { Output } from "../context.ts";
import type { Style } from "../output/style.ts";
import { renderTable } from "../output/table.ts";

interface Shown {
  readonly file: string;
  readonly profile: string | null;
  /** Also what is unset. */
  readonly all: boolean;
}

const STYLES: Partial<Record<Source, Style>> = { default: "dim", flag: "green", profile: "yellow" };

/** Every property that has a value, and where it is from: a flag, the file and its line, the profile, nowhere. */
export const renderTraced = (out: Output, traced: readonly Traced[], shown: Shown): string =>
  renderTable(
    out,
    [{ title: "PROPERTY", isWhole: true }, { title: "VALUE" }, { title: "FROM", isWhole: true }],
    traced
      .filter(({ value }) => shown.all || !isUnset(value))
      .map(({ property, value, source, position }) => {
        const style = STYLES[source];
        const from =
          source === "file"
            ? `${shown.file}:${position?.line ?? 1}`
            : source === "profile"
              ? `profile ${shown.profile ?? ""}`.trim()
              : source;
        return { cells: [property, valueText(property, value), from], ...(style && { style }) };
      }),
  );

const isUnset = (value: unknown): boolean =>
  value === null ||
  value === undefined ||
  (Array.isArray(value) && value.length === 0) ||
  (isMapping(value) && Object.keys(value).length === 0);

const isRange = (value: unknown): value is Range => Range.strict().safeParse(value).success;

/** Values as they may be written in a file. */
export const valueText = (property: string, value: unknown): string => {
  const key = property.split(".").at(-1) ?? "";
  if (isUnset(value)) return "-";
  if (property.endsWith("resources.cpu")) return printCpu(value as CpuSpec);
  if (property.endsWith("resources.gpu")) return formatGpuSpec(value as GpuSpec);
  if (isMapping(value) && isRange(value["size"])) return printRange(value["size"], printMemory);
  if (isRange(value)) return printRange(value, /memory|size/.test(key) ? printMemory : String);
  if (typeof value === "number" && /_duration$|_delay$|_window$/.test(key)) {
    return value < 0 ? "off" : printDuration(value);
  }
  if (typeof value === "number" && key === "shm_size") return printMemory(value);
  if (/(^|\.)ports$/.test(property)) return (value as Port[]).map(printPort).join(", ");
  if (property === "port") return printPort(value as Port);
  if (property === "volumes")
    return (value as Mount[]).map((mount) => printMount(mount) ?? JSON.stringify(mount)).join(", ");
  if (property === "files") return (value as FileMapping[]).map(printFile).join(", ");
  if (property === "fleets") return (value as EntityReference[]).map(printReference).join(", ");
  if (isMapping(value) && property.startsWith("env.")) return "(from the environment)";
  return typeof value === "string" ? value : JSON.stringify(value);
};
