import type { Instance } from "../../shared/api/fleets.ts";
import { fromWireTime } from "../../shared/api/scalars.ts";
import type { Output } from "../context.ts";
import { type Column, renderTable } from "../output/table.ts";
import { instanceStatus, instanceStyle } from "./fleets.ts";
import { gpuCell } from "./resources.ts";

const COLUMNS: readonly Column[] = [
  { title: "NAME", isWhole: true },
  { title: "FLEET" },
  { title: "HOST" },
  { title: "GPU" },
  { title: "STATUS", isWhole: true },
  { title: "AGENT" },
  { title: "CREATED", isWhole: true },
  { title: "NOTE" },
];

/** The table of `dstack instance list`, by name. */
export const renderInstances = (
  out: Output,
  instances: readonly Instance[],
  time: (ms: number) => string,
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
      time(fromWireTime(instance.created)),
      [instance.closed, instance.agent_upgrade?.message].filter(Boolean).join("; "),
    ],
  }));
  return renderTable(out, [...COLUMNS], rows);
};

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
