import { z } from "zod";
import { Inventory } from "../../shared/protocol/inventory.ts";
import { AgentUpgrade, Draining, HeldSubmission } from "../../shared/protocol/sync.ts";

/**
 * What `dstack-agent COMMAND` and the agent that runs say to each other, over a unix socket in the state directory that
 * is its owner's alone: HTTP, `POST /v1/COMMAND` with JSON. Both may be of different releases while an upgrade is under
 * way, so fields are only added, and what is not known is ignored.
 */
export const CONTROL_BASE_PATH = "/v1";

const Millis = z.number().int();

export const StatusAnswer = z.object({
  agent: z.object({ version: z.string(), pid: z.number().int(), started_at: Millis, program: z.string() }),
  identity: z.object({
    url: z.string(),
    instance_id: z.string(),
    instance_name: z.string(),
    fleet_name: z.string(),
    project_name: z.string(),
    credential_expires_at: Millis,
  }),
  link: z.object({
    state: z.enum(["connecting", "connected", "disconnected"]),
    since: Millis,
    last_answer_at: Millis.nullable(),
    reason: z.string().nullable(),
  }),
  /** Null: the host takes jobs. `is_told`: the coordinator knows how it is. */
  draining: Draining.nullable(),
  is_told: z.boolean(),
  jobs: z.array(
    HeldSubmission.extend({
      run_name: z.string(),
      project_name: z.string(),
      runtime: z.string(),
      received_at: Millis,
      started_at: Millis.nullable(),
    }),
  ),
  inventory: Inventory,
  /** Absent: an agent that knows nothing of upgrades. */
  upgrade: AgentUpgrade.nullish(),
});
export type StatusAnswer = z.infer<typeof StatusAnswer>;

/** Answered when the coordinator has been told, or when it could not be told within a few seconds. */
export const DrainRequest = z.object({ reason: z.string().max(200) });
export const DrainAnswer = z.object({ is_told: z.boolean(), jobs: z.number().int() });
export type DrainAnswer = z.infer<typeof DrainAnswer>;

/** `force`: jobs are killed first, and a coordinator that does not answer is left without a word. */
export const LeaveControlRequest = z.object({ force: z.boolean() });
export const LeaveControlAnswer = z.object({ is_told: z.boolean() });
export type LeaveControlAnswer = z.infer<typeof LeaveControlAnswer>;

/** What a command was refused with. */
export const ControlError = z.object({
  error: z.object({
    code: z.enum(["invalid", "conflict", "unsupported", "unavailable"]).catch("unavailable"),
    message: z.string(),
    hint: z.string().nullish(),
  }),
});
