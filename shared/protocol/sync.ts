import { z } from "zod";
import { Assignment } from "./assignment.ts";
import { Credential } from "./enroll.ts";
import { Inventory } from "./inventory.ts";
import { TrustedAuthorities } from "./trust.ts";
import { UpgradeOffer } from "./upgrade.ts";

/** A submission in the agent's journal, finished ones included until the coordinator has no more use for them. */
export const HeldSubmission = z.object({
  submission_id: z.uuid(),
  state: z.enum(["preparing", "pulling", "running", "stopping", "finished"]),
  /**
   * Of one that runs: for how long no user has had a shell, a file transfer or a connection to a port of it, as far as the
   * time counts in which one could have come (docs/dev-environments.md). 0: somebody has. Absent: not known.
   */
  idle_ms: z.number().int().nonnegative().nullish(),
});
export type HeldSubmission = z.infer<typeof HeldSubmission>;

/** `dstack-agent drain`, as its host tells it. */
export const Draining = z.object({
  /** Milliseconds since 1970, the host's clock. */
  since: z.number().int(),
  /** In words of whoever asked for it; empty: none were given. */
  reason: z.string().max(200),
});
export type Draining = z.infer<typeof Draining>;

/** What the agent can do about releases that it is offered, and how that went; for people and for the pace. */
export const AgentUpgrade = z.object({
  /** The release file that it was made as, e.g. `linux-x64-baseline`: offers are of the same. */
  target: z.string().max(100),
  /**
   * `ready`: it takes offers; `off`: it was told not to; `unable`: it cannot replace itself; `working`: it is taking
   * one; `failed`: the offer that it took last did not work, and it is as it was. Others may come.
   */
  state: z.string().max(50),
  /** The release that `working` and `failed` are about. */
  version: z.string().max(100).nullish(),
  /** In words for people: why it failed, or why it is unable. */
  message: z.string().max(500).nullish(),
});
export type AgentUpgrade = z.infer<typeof AgentUpgrade>;

/**
 * POST /api/agent/sync, by every agent, always one at a time: a long poll. The agent says all that it holds
 * and which desired set it has seen; the coordinator answers with the whole desired set, at once when the
 * agent has not seen the newest, else when it changes or `wait_ms` is over.
 *
 * Level-triggered: a lost request or answer costs one round. Naming a submission in `held` acknowledges it.
 * Abort (agent closes the connection): nothing is undone; the next sync carries everything again.
 * Refusals: `unauthenticated` (credential revoked or expired: enroll again), `fenced` (another session of the
 * same instance is newer: this process must end its loops).
 */
export const SyncRequest = z.object({
  agent_version: z.string(),
  boot_id: z.string(),
  /** Made anew at every start of the agent process. */
  session: z.uuid(),
  /** Counts the starts of the agent on this host: what an earlier process has sent may come late. */
  start: z.number().int().nonnegative().nullish(),
  /** Counts up with every sync of a session; the coordinator ignores one that arrives late. */
  sequence: z.number().int().nonnegative(),
  held: z.array(HeldSubmission).max(1000),
  /** The desired set last received: `epoch` and `revision` of that answer. Absent: none in this session. */
  seen: z.object({ epoch: z.string(), revision: z.number().int() }).nullish(),
  inventory: Inventory.nullish(),
  /** The longest the agent will wait, at most 50 000. 0: answer at once (readiness checks, shutting down). */
  wait_ms: z.number().int().min(0).max(50_000),
  /** Set when the credential should be renewed with this answer. */
  renew_credential: z.boolean().nullish(),
  /** Set while whoever runs the host wants no new jobs there; those that it has go on. */
  draining: Draining.nullish(),
  /** Absent: an agent that knows nothing of upgrades. */
  upgrade: AgentUpgrade.nullish(),
  /** By which authorities it knows its coordinator (`trustDigest`). Absent: an agent that cannot be told of others. */
  trust: z.string().max(100).nullish(),
});
export type SyncRequest = z.infer<typeof SyncRequest>;

/**
 * What is wanted of one submission. Whatever the agent holds that is not in the set is no longer its own:
 * it ends it without grace, deletes it and forgets it (fencing, and the normal end of a finished job's life).
 */
export const Desired = z.discriminatedUnion("action", [
  /** Start it, or keep it going. `assignment` is left out when the agent already named it in `held`. */
  z.object({ action: z.literal("run"), submission_id: z.uuid(), assignment: Assignment.nullish() }),
  /** End it: interrupt, and kill after `grace_ms` (0: kill now). Then report it finished. */
  z.object({ action: z.literal("stop"), submission_id: z.uuid(), grace_ms: z.number().int().nonnegative() }),
  /** It is finished: keep its log until the coordinator has all of it. */
  z.object({ action: z.literal("keep"), submission_id: z.uuid() }),
]);
export type Desired = z.infer<typeof Desired>;

export const SyncAnswer = z.object({
  /** Changes with every start of a coordinator; revisions count within one epoch. */
  epoch: z.string(),
  revision: z.number().int(),
  desired: z.array(Desired),
  /** Pacing, set by the coordinator: how long to wait in the next poll, and how long before the next try. */
  wait_ms: z.number().int().nonnegative(),
  /** How long the agent counts as entitled after this answer without another one. */
  lease_ttl_ms: z.number().int().positive(),
  credential: Credential.nullish(),
  /** The agent is to run another release of itself; absent: it is to stay as it is. */
  upgrade: UpgradeOffer.nullish(),
  /** A client wants to reach a job here: the agent dials a tunnel, and keeps it (docs/protocol/tunnel.md). */
  tunnel: z.boolean().nullish(),
  /**
   * The host is to leave its fleet: the agent takes no new jobs, waits for those that it has (kills them with `force`),
   * calls `leave`, and with `uninstall` removes itself and all that its installation has made.
   */
  leave: z.object({ force: z.boolean(), uninstall: z.boolean() }).nullish(),
  /** What the agent is to know its coordinator by from now on; absent: what it has. */
  trust: TrustedAuthorities.nullish(),
  /**
   * How long this sync was kept. What the answer gives out counts from when it was sent, and not from when it arrives:
   * for the agent, from when it sent its sync and this much later.
   */
  waited_ms: z.number().int().nonnegative().nullish(),
});
export type SyncAnswer = z.infer<typeof SyncAnswer>;
