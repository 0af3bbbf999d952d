import type { Assignment } from "../../shared/protocol/assignment.ts";

/** A submission of `true` with the process runtime, for tests. */
export const anAssignment = (overrides: Partial<Assignment> = {}): Assignment => ({
  submission_id: crypto.randomUUID(),
  run_id: crypto.randomUUID(),
  run_name: "a-run",
  project_name: "main",
  job_name: "a-run-0-0",
  job_num: 0,
  replica_num: 0,
  runtime: "process",
  argv: ["true"],
  env: {},
  privileged: false,
  network_mode: "host",
  gpu_ids: [],
  mounts: [],
  archives: [],
  claim_lease_ms: 20_000,
  ...overrides,
});
