import type { Instance } from "../../shared/api/fleets.ts";
import { labelsText } from "../../shared/api/labels.ts";
import { fromWireTime } from "../../shared/api/scalars.ts";
import type { Output } from "../context.ts";
import { type Column, renderTable } from "../output/table.ts";
import { instanceStatus, instanceStyle } from "./fleets.ts";
import { gpuCell } from "./resources.ts";

const columnsOf = (isVerbose: boolean): Column[] => [
  { title: "NAME", isWhole: true },
  { title: "FLEET" },
  { title: "HOST" },
  { title: "GPU" },
  { title: "STATUS", isWhole: true },
  { title: "AGENT" },
  ...(isVerbose ? [{ title: "LABELS" }] : []),
  { title: "CREATED", isWhole: true },
  { title: "NOTE" },
];

/** The table of `dstack instance list`, by name. */
export const renderInstances = (
  out: Output,
  instances: readonly Instance[],
  { time, isVerbose }: { time: (ms: number) => string; isVerbose: boolean },
): string => {
  const byName = [...instances].sort((a, b) => a.name.localeCompare(b.name, "en", { numeric: true }));
  const rows = byName.map((instance) => ({
    cells: [
      { text: instance.name, style: "bold" as const },
      instance.fleet_name ?? "",
      instance.hostname ?? "",
      instance.instance_type ? gpuCell(instance.instance_type.resources) : "-",
      { text: instanceStatus(instance), style: instanceStyle(instance) },
      agentCell(instance),
      ...(isVerbose ? [labelsText(instance.labels ?? {})] : []),
      time(fromWireTime(instance.created)),
      [silence(instance, time), instance.closed, instance.health_message, instance.agent_upgrade?.message]
        .filter(Boolean)
        .join("; "),
    ],
  }));
  return renderTable(out, columnsOf(isVerbose), rows);
};

const silence = (
  { unreachable, unreachable_since: since }: Instance,
  time: (ms: number) => string,
): string | undefined =>
  unreachable ? (since ? `last heard ${time(fromWireTime(since))}` : "not heard") : undefined;

/** `0.1.0`, `0.1.0 → 0.2.0` while it takes another release, `0.1.0 (0.2.0 failed)`, `0.1.0 (stays)`. */
const agentCell = ({ agent_version: version, agent_upgrade: upgrade }: Instance): string => {
  if (!version) return "";
  switch (upgrade?.state) {
    case "working":
      return `${version} → ${upgrade.version}`;
    case "failed":
      return `${version} (${upgrade.version} failed)`;
    case "off":
      return `${version} (stays)`;
    default:
      return version;
  }
};
