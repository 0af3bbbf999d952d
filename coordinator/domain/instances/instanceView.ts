import type { Instance } from "../../../shared/api/fleets.ts";
import { toWireTime } from "../../../shared/api/scalars.ts";
import type { InstanceRow } from "../../store/instances.ts";
import { gpuDriverOf, instanceTypeOf, REMOTE_BACKEND, REMOTE_REGION } from "./instanceType.ts";

export const viewInstance = (
  row: InstanceRow,
  names: { projectName: string; fleetName: string | null },
): Instance => ({
  id: row.id,
  project_name: names.projectName,
  backend: REMOTE_BACKEND,
  instance_type: instanceTypeOf(row.inventory),
  name: row.name,
  fleet_id: row.fleet_id,
  fleet_name: names.fleetName,
  instance_num: row.instance_num,
  job_name: null,
  hostname: row.inventory.hostname,
  status: row.status,
  unreachable: row.unreachable,
  health_status: "healthy",
  termination_reason: row.termination_reason,
  termination_reason_message: row.termination_reason_message,
  created: toWireTime(row.created_at),
  finished_at: row.finished_at === null ? null : toWireTime(row.finished_at),
  region: REMOTE_REGION,
  availability_zone: null,
  price: 0,
  total_blocks: 1,
  busy_blocks: row.status === "busy" ? 1 : 0,
  gpu_driver: gpuDriverOf(row.inventory),
});
