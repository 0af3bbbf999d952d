import type { Inventory } from "../../shared/protocol/inventory.ts";
import type { InstanceRow } from "../store/instances.ts";

/** What a host has, but for what a test says. */
export const anInventory = (overrides: Partial<Inventory> = {}): Inventory => ({
  hostname: "host-0",
  arch: "x86",
  os: "linux",
  cpus: 8,
  memory_mib: 32_768,
  disk_mib: 512_000,
  gpus: [],
  addresses: ["10.0.0.1/24"],
  runtime: "process",
  ...overrides,
});

/** A free host that joined, but for what a test says. */
export const anInstance = (
  row: Partial<InstanceRow> = {},
  inventory: Partial<Inventory> = {},
): InstanceRow => ({
  id: crypto.randomUUID(),
  project_id: "p",
  fleet_id: "f",
  instance_num: 0,
  name: "lab-0",
  status: "idle",
  unreachable: false,
  inventory: anInventory(inventory),
  blocks: 1,
  made: null,
  ssh: null,
  internal_ip: null,
  idle_since: 0,
  idle_duration_s: null,
  wake_at: null,
  public_key: "key",
  boot_id: "boot",
  agent_version: "0.1.0",
  session: null,
  credential_hash: "hash",
  credential_expires_at: 0,
  previous_credential_hash: null,
  previous_credential_expires_at: null,
  cordon: null,
  labels: null,
  leaving: null,
  unreachable_since: null,
  draining: null,
  upgrade: null,
  termination_reason: null,
  termination_reason_message: null,
  created_at: 0,
  finished_at: null,
  deleted: false,
  ...row,
});
