import type { Instance } from "../../../shared/api/fleets.ts";
import { toWireTime } from "../../../shared/api/scalars.ts";
import type { InstanceType } from "../../../shared/resources/offered.ts";
import { fingerprintOf } from "../../hosts/hostKey.ts";
import type { InstanceRow } from "../../store/instances.ts";
import type { SshInstance } from "../../store/sshInstance.ts";
import type { CapacityEntry } from "./capacityEntry.ts";
import { whyClosed } from "./closed.ts";
import { totalBlocksOf } from "./division.ts";
import { healthOf } from "./health.ts";
import { gpuDriverOf, placeOf, wholeTypeOf } from "./instanceType.ts";
import { hasJoined } from "./madeRow.ts";
import { usedBlocks } from "./occupancy.ts";

/** Said of a host before anybody has looked at it (docs/spec/http-api.md §2.9). */
const UNSEEN: InstanceType = {
  name: "ssh",
  resources: {
    cpus: 2,
    memory_mib: 8,
    gpus: [],
    spot: false,
    disk: { size_mib: 102_400 },
    cpu_arch: null,
    description: "",
  },
};

const viewSsh = ({ jump, ...ssh }: SshInstance): Instance["ssh"] => ({
  hostname: ssh.hostname,
  port: ssh.port,
  user: ssh.user,
  proxy_jump: jump && `${jump.user}@${jump.hostname}:${jump.port}`,
  host_key: ssh.host_key && fingerprintOf(ssh.host_key),
  step: ssh.step,
  attempts: ssh.attempts,
  error: ssh.error,
  rights: ssh.rights,
  carried: typeof ssh.carried_port === "number",
  keeps_key: ssh.keeps_key === true,
});

export const viewInstance = (
  row: InstanceRow,
  names: { projectName: string; fleetName: string | null; entry: CapacityEntry | undefined },
): Instance => {
  const health = healthOf(row.inventory);
  const isThere = hasJoined(row);
  const { blocks } = row;
  const { backend, region, availability_zone, price } = placeOf(row);
  const isPlaced = isThere || row.ssh !== null || Boolean(row.made?.offer);
  return {
    id: row.id,
    project_name: names.projectName,
    backend: isPlaced ? backend : null,
    instance_type: isThere ? wholeTypeOf(row) : row.ssh ? UNSEEN : (row.made?.offer?.instance_type ?? null),
    name: row.name,
    fleet_id: row.fleet_id,
    fleet_name: names.fleetName,
    instance_num: row.instance_num,
    job_name: null,
    hostname: row.ssh?.hostname ?? (isThere ? row.inventory.hostname : null),
    status: row.status,
    unreachable: row.unreachable,
    health_status: health.status,
    health_message: health.reason,
    termination_reason: row.termination_reason,
    termination_reason_message: row.termination_reason_message,
    created: toWireTime(row.created_at),
    finished_at: row.finished_at === null ? null : toWireTime(row.finished_at),
    region: isPlaced ? region : null,
    availability_zone,
    price: isPlaced ? price : null,
    total_blocks: isThere ? (totalBlocksOf(row) ?? null) : row.ssh && blocks !== "auto" ? blocks : null,
    // Who is there is in memory, a moment behind the row.
    busy_blocks: row.status === "busy" ? Math.max(1, names.entry ? usedBlocks(names.entry) : 0) : 0,
    gpu_driver: gpuDriverOf(row.inventory),
    closed: whyClosed(row) ?? null,
    ssh: row.ssh && viewSsh(row.ssh),
    unreachable_since:
      row.unreachable && row.unreachable_since !== null ? toWireTime(row.unreachable_since) : null,
    ...(row.labels ? { labels: row.labels } : {}),
    agent_version: row.agent_version,
    agent_upgrade: row.upgrade && {
      state: row.upgrade.state,
      version: row.upgrade.version ?? null,
      message: row.upgrade.message ?? null,
    },
  };
};
