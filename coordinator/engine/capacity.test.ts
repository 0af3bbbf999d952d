import { expect, test } from "bun:test";
import type { InstanceRow } from "../store/instances.ts";
import { Capacity } from "./capacity.ts";

const instance = (id: string, project = "p"): InstanceRow => ({
  id,
  project_id: project,
  fleet_id: "f",
  instance_num: 0,
  name: `lab-${id}`,
  status: "idle",
  unreachable: false,
  inventory: {
    hostname: id,
    arch: "x86",
    os: "linux",
    cpus: 2,
    memory_mib: 1024,
    disk_mib: 1024,
    gpus: [],
    addresses: [],
    runtime: "process",
  },
  public_key: id,
  boot_id: "b",
  agent_version: "0",
  session: null,
  credential_hash: id,
  credential_expires_at: 0,
  previous_credential_hash: null,
  previous_credential_expires_at: null,
  termination_reason: null,
  termination_reason_message: null,
  created_at: 0,
  finished_at: null,
  deleted: false,
});

test("an instance takes one submission, the same one again, and another after the release", () => {
  const capacity = new Capacity();
  capacity.set(instance("a"), "lab");
  expect(capacity.claim("a", "s1")).toBe(true);
  expect(capacity.claim("a", "s1")).toBe(true);
  expect(capacity.claim("a", "s2")).toBe(false);
  expect(capacity.release("a", "s1")).toBe(true);
  expect(capacity.claim("a", "s2")).toBe(true);
  expect(capacity.claim("unknown", "s2")).toBe(false);
});

test("a changed row keeps its occupants; projects see their own instances only", () => {
  const capacity = new Capacity();
  capacity.set(instance("a"), "lab");
  capacity.set(instance("b", "q"), "lab");
  capacity.claim("a", "s1");
  capacity.set({ ...instance("a"), unreachable: true }, "lab");
  expect([...(capacity.get("a")?.occupants ?? [])]).toEqual(["s1"]);
  expect(capacity.list("q").map((entry) => entry.instance.id)).toEqual(["b"]);
});
