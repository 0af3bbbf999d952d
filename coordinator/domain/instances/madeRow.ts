import type { Inventory } from "../../../shared/protocol/inventory.ts";
import type { FleetRow } from "../../store/fleets.ts";
import type { InstanceRow } from "../../store/instances.ts";
import type { MadeOffer } from "../../store/madeInstance.ts";
import { hashToken, newToken } from "../../store/tokens.ts";

/** Until its agent has told what there is. */
const UNKNOWN: Inventory = {
  hostname: "",
  arch: "x86",
  os: "linux",
  cpus: 1,
  memory_mib: 1,
  disk_mib: 0,
  gpus: [],
  addresses: [],
  runtime: "process",
};

/** An instance that a backend is to make: it has its number from the first moment, and nothing else. */
export const newMadeRow = (
  fleet: FleetRow,
  num: number,
  { now, idleDurationS, forJob }: { now: number; idleDurationS: number | null; forJob?: MadeOffer[] },
): InstanceRow => ({
  id: crypto.randomUUID(),
  project_id: fleet.project_id,
  fleet_id: fleet.id,
  instance_num: num,
  name: `${fleet.name}-${num}`,
  status: "pending",
  unreachable: false,
  inventory: UNKNOWN,
  blocks: fleet.spec.configuration.blocks,
  made: { offer: null, data: null, ...(forJob ? { for_job: forJob } : {}) },
  ssh: null,
  internal_ip: null,
  idle_since: null,
  idle_duration_s: idleDurationS,
  wake_at: null,
  // Nobody can prove to be it, nor speak for it, before it has enrolled.
  public_key: newToken("none:"),
  credential_hash: hashToken(newToken("none:")),
  credential_expires_at: 0,
  previous_credential_hash: null,
  previous_credential_expires_at: null,
  boot_id: "",
  agent_version: "",
  session: null,
  cordon: null,
  labels: null,
  leaving: null,
  unreachable_since: null,
  draining: null,
  upgrade: null,
  termination_reason: null,
  termination_reason_message: null,
  created_at: now,
  finished_at: null,
  deleted: false,
});

/** Its agent has been there, and has told what there is. */
export const hasJoined = ({ agent_version: version }: Pick<InstanceRow, "agent_version">): boolean =>
  version !== "";
