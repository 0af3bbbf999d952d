import type { Gateway } from "../../shared/api/gateways.ts";
import { fromWireTime } from "../../shared/api/scalars.ts";
import type { Output } from "../context.ts";
import type { Style } from "../output/style.ts";
import { type Column, type Row, renderTable } from "../output/table.ts";
import { backendAndRegion } from "./price.ts";

interface Options {
  readonly isVerbose: boolean;
  /** Of whose gateways; those of others are named with theirs. */
  readonly project: string;
  /** While one is being applied. */
  readonly showsTime?: boolean;
  readonly time: (ms: number) => string;
}

const STYLES: Readonly<Record<string, Style>> = {
  submitted: "grey",
  provisioning: "blue",
  running: "green",
  failed: "red",
};

/** The table of `gateway` (docs/spec/cli.md §7.5). */
export const renderGateways = (
  out: Output,
  gateways: readonly Gateway[],
  { isVerbose, project, showsTime = false, time }: Options,
): string => {
  const columns: Column[] = [
    { title: "NAME", isWhole: true },
    { title: "BACKEND" },
    { title: "HOSTNAME" },
    { title: "DOMAIN" },
    { title: "DEFAULT", isCentred: true },
    { title: "STATUS", isWhole: true },
    ...(showsTime || isVerbose ? [{ title: "CREATED", isWhole: true }] : []),
    ...(isVerbose ? [{ title: "ERROR" }] : []),
  ];
  const rows = gateways.flatMap((gateway) =>
    cellsOf(gateway, { project, time }).map(
      (cells): Row => ({
        cells: columns.map(({ title }) => cells[title] ?? ""),
      }),
    ),
  );
  return renderTable(out, columns, rows);
};

type Cells = Record<string, Row["cells"][number]>;

/** One row; of several replicas, one more for each. */
const cellsOf = (gateway: Gateway, { project, time }: Pick<Options, "project" | "time">): Cells[] => {
  const { configuration, replicas } = gateway;
  const own: Cells = {
    NAME: gateway.project_name === project ? gateway.name : `${gateway.project_name}/${gateway.name}`,
    BACKEND: backendAndRegion(configuration.backend, configuration.region || null),
    HOSTNAME: gateway.hostname ?? "",
    DOMAIN: gateway.wildcard_domain ?? configuration.domain ?? "",
    DEFAULT: gateway.default ? "✓" : "",
    STATUS: { text: gateway.status, style: STYLES[gateway.status] ?? [] },
    CREATED: time(fromWireTime(gateway.created_at)),
    ERROR: gateway.status_message ?? "",
  };
  if (!replicas || replicas.length < 2) return [own];
  const each = replicas.map(
    (replica): Cells => ({
      NAME: `   replica=${replica.replica_num}`,
      BACKEND: replica.backend ? backendAndRegion(replica.backend, replica.region) : "",
      HOSTNAME: replica.hostname ?? "",
      STATUS: { text: replica.status, style: STYLES[replica.status] ?? [] },
      CREATED: time(fromWireTime(replica.created_at)),
      ERROR: replica.status_message ?? "",
    }),
  );
  return [own, ...each];
};
