import type { Fleet, Instance } from "../../shared/api/fleets.ts";
import { fromWireTime } from "../../shared/api/scalars.ts";
import { formatRequirements, formatResources } from "../../shared/resources/format.ts";
import type { Output } from "../context.ts";
import type { Style } from "../output/style.ts";
import { type Column, type Row, renderTable } from "../output/table.ts";
import { backendAndRegion, backendName, price } from "./price.ts";
import { gpuCell, gpuSpecCell } from "./resources.ts";

export interface FleetTableOptions {
  readonly isVerbose: boolean;
  /** Fleets of other projects are named with theirs. */
  readonly project: string;
  readonly time: (ms: number) => string;
  /** Shows how far hosts are that are being brought in. */
  readonly hasSteps?: boolean;
}

type Cells = Record<string, Row["cells"][number]>;

/** The table of `fleet`, and of `apply` when a fleet is there (docs/spec/cli.md §7.4). */
export const renderFleets = (out: Output, fleets: readonly Fleet[], options: FleetTableOptions): string => {
  const { isVerbose } = options;
  const columns: Column[] = [
    { title: "NAME", isWhole: true },
    { title: "NODES" },
    ...(isVerbose ? [{ title: "RESOURCES" }, { title: "DRIVER" }] : [{ title: "GPU" }]),
    { title: "SPOT" },
    { title: "BACKEND" },
    { title: "PRICE" },
    { title: "STATUS", isWhole: true },
    { title: "CREATED", isWhole: true },
    ...(isVerbose ? [{ title: "ERROR" }] : []),
  ];
  const rows = fleets.flatMap((fleet) =>
    [fleetCells(fleet, options), ...fleet.instances.map((instance) => instanceCells(instance, options))].map(
      (cells) => ({ cells: columns.map((column) => cells[column.title] ?? "") }),
    ),
  );
  return renderTable(out, columns, rows);
};

const fleetCells = (fleet: Fleet, { isVerbose, project, time }: FleetTableOptions): Cells => {
  const { configuration } = fleet.spec;
  const isSsh = Boolean(configuration.ssh_config);
  const cluster = isVerbose && configuration.placement === "cluster" ? " (cluster)" : "";
  return {
    NAME: {
      text: fleet.project_name === project ? fleet.name : `${fleet.project_name}/${fleet.name}`,
      style: "bold",
    },
    NODES: `${nodesOf(fleet)}${cluster}`,
    RESOURCES: configuration.resources ? formatRequirements(configuration.resources) : "",
    GPU: configuration.resources?.gpu ? gpuSpecCell(configuration.resources.gpu) : "",
    SPOT: isSsh ? "" : (configuration.spot_policy ?? "on-demand"),
    BACKEND: isSsh ? "ssh" : (configuration.backends?.map(backendName).join(", ") ?? "*"),
    PRICE: configuration.max_price ? `$0..${price(configuration.max_price)}` : "",
    STATUS: { text: fleet.status, style: fleetStyle(fleet.status) },
    CREATED: time(fromWireTime(fleet.created_at)),
    ERROR: fleet.status_message ?? "",
  };
};

/** `0..2`, `3`, `2..`; hosts of an SSH fleet are counted. */
const nodesOf = (fleet: Fleet): string => {
  const { nodes, ssh_config: ssh } = fleet.spec.configuration;
  if (ssh) return String(ssh.hosts.length);
  if (!nodes) return String(fleet.instances.length);
  return nodes.min === nodes.max ? String(nodes.min) : `${nodes.min}..${nodes.max ?? ""}`;
};

const instanceCells = (
  instance: Instance,
  { isVerbose, time, hasSteps = false }: FleetTableOptions,
): Cells => {
  const isSsh = instance.backend === "remote";
  const resources = instance.instance_type?.resources;
  const place = (isVerbose && instance.availability_zone) || instance.region;
  return {
    NAME: `   instance=${instance.instance_num}`,
    RESOURCES: resources ? formatResources(resources) : "-",
    DRIVER: instance.gpu_driver?.version ?? "",
    GPU: resources ? gpuCell(resources) : "-",
    SPOT: isSsh || !resources ? "" : resources.spot ? "spot" : "on-demand",
    BACKEND: instance.backend ? backendAndRegion(instance.backend, place) : "",
    PRICE: isSsh || instance.price === null ? "" : price(instance.price),
    STATUS: {
      text: `${instanceStatus(instance)}${hasSteps ? stepOf(instance) : ""}`,
      style: instanceStyle(instance),
    },
    CREATED: time(fromWireTime(instance.created)),
    ERROR:
      instance.termination_reason_message ??
      instance.termination_reason ??
      instance.closed ??
      instance.health_message ??
      instance.ssh?.error ??
      "",
  };
};

/** ` (installing)`, ` (waiting, tried 3 times)` */
const stepOf = ({ status, ssh }: Instance): string => {
  if (status !== "pending" || !ssh) return "";
  return ssh.attempts > 1 ? ` (${ssh.step}, tried ${ssh.attempts} times)` : ` (${ssh.step})`;
};

/** `3/8 busy` for an instance in blocks, also while nothing runs there. */
export const instanceStatus = (instance: Instance): string => {
  const inUse = instance.status === "idle" || instance.status === "busy";
  const isDivided = (instance.total_blocks ?? 1) > 1;
  const word = inUse && isDivided ? `${instance.busy_blocks}/${instance.total_blocks} busy` : instance.status;
  if (instance.unreachable) return `${word} (unreachable)`;
  if (instance.closed) return `${word} (closed)`;
  return instance.health_status === "healthy" ? word : `${word} (${instance.health_status})`;
};

export const instanceStyle = (instance: Instance): readonly Style[] => {
  if (instance.unreachable || instance.health_status === "failure") return ["red"];
  if (instance.health_status === "warning" || instance.closed) return ["yellow"];
  const styles = {
    pending: [],
    provisioning: ["blue"],
    idle: ["green"],
    busy: ["green"],
    terminating: ["blue"],
    terminated: ["grey"],
  };
  return styles[instance.status] as readonly Style[];
};

const fleetStyle = (status: Fleet["status"]): readonly Style[] => {
  if (status === "active") return [];
  return status === "failed" ? ["red"] : ["grey"];
};
