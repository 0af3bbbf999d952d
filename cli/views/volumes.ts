import { fromWireTime } from "../../shared/api/scalars.ts";
import type { Volume } from "../../shared/api/volumes.ts";
import type { Output } from "../context.ts";
import type { Style } from "../output/style.ts";
import { type Column, type Row, renderTable } from "../output/table.ts";
import { backendAndRegion, backendName } from "./price.ts";

interface Options {
  readonly isVerbose: boolean;
  readonly time: (ms: number) => string;
}

const STYLES: Readonly<Record<Volume["status"], Style>> = {
  submitted: "grey",
  provisioning: "blue",
  active: "green",
  failed: "red",
};

/** The table of `volume` (docs/spec/cli.md §7.5). */
export const renderVolumes = (
  out: Output,
  volumes: readonly Volume[],
  { isVerbose, time }: Options,
): string => {
  const columns: Column[] = [
    { title: "NAME", isWhole: true },
    { title: "BACKEND" },
    ...(isVerbose ? [{ title: "REGION" }] : []),
    { title: "STATUS", isWhole: true },
    ...(isVerbose ? [{ title: "ATTACHED" }] : []),
    { title: "CREATED", isWhole: true },
    ...(isVerbose ? [{ title: "ERROR" }] : []),
  ];
  const rows: Row[] = volumes.map((volume) => {
    const { backend } = volume.configuration;
    const region = "region" in volume.configuration ? volume.configuration.region : null;
    const zone = volume.provisioning_data?.availability_zone;
    const cells: Record<string, Row["cells"][number]> = {
      NAME: volume.name,
      BACKEND: isVerbose ? backendName(backend) : backendAndRegion(backend, region || null),
      REGION: `${region ?? ""}${zone ? ` (${zone})` : ""}`,
      STATUS: { text: volume.status, style: STYLES[volume.status] },
      ATTACHED: attachedTo(volume),
      CREATED: time(fromWireTime(volume.created_at)),
      ERROR: volume.status_message ?? "",
    };
    return { cells: columns.map(({ title }) => cells[title] ?? "") };
  });
  return renderTable(out, columns, rows);
};

const attachedTo = ({ attachments }: Volume): string => {
  const fleets = (attachments ?? []).flatMap(({ instance }) => instance.fleet_name ?? []);
  return [...new Set(fleets)].join(", ") || "-";
};
