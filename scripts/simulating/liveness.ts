import type { CapacityEntry } from "../../coordinator/domain/instances/capacityEntry.ts";
import type { Facts, RunFacts } from "./facts.ts";
import { leastCpus, type RunPlan } from "./runPlan.ts";
import type { Scene } from "./scene.ts";

interface Waiting extends RunFacts {
  plan: RunPlan;
}

/** What a run asks for that says nothing of memory (docs/spec/lifecycle.md §2.1). */
const LEAST_MEMORY_MIB = 8 * 1024;

/**
 * Whoever waits although there is room: looked at whenever nothing is under way. Hosts may be kept for runs of several
 * nodes or blocks, so whoever is behind one of those is passed over.
 */
export const checkQueue = ({ coordinator, users, onBug }: Scene, { runs }: Facts): void => {
  if (!coordinator.isUp || coordinator.pending > 0) return;
  const { engine, capacity } = coordinator.parts;
  const entries = capacity.listAll();
  const waiting = [...runs.values()].flatMap((run): (Waiting & { position: number })[] => {
    const plan = users.runs.get(run.name)?.plan;
    const place = engine.positionOf(run.id);
    return plan && place ? [{ ...run, plan, position: place.position }] : [];
  });
  for (const run of waiting.sort((a, b) => a.position - b.position)) {
    if (entries.some(({ occupants }) => occupants.has(run.id))) continue;
    // Others are just being tried, and may be asking a cloud.
    if (run.status === "pending" && hasRoom(run.plan, entries)) {
      const reason = engine.positionOf(run.id)?.reason;
      onBug(`Run ${run.name} waits, and there is room for it: ${reason}`);
    }
    if (entries.some((entry) => mayBeKept(run.plan, entry))) return;
  }
};

/** A pass that failed is tried again after 5 seconds, a slow store takes some more, and so may a cloud. */
const OVERDUE_MS = 40_000;

/** What waits for its time begins when that has come. */
export const checkDue = ({ coordinator, onBug }: Scene, { runs }: Facts): void => {
  if (!coordinator.isCalmFor(OVERDUE_MS)) return;
  for (const { name, status, dueAt } of runs.values()) {
    const overdueMs = Math.round(coordinator.now - (dueAt ?? coordinator.now));
    if (status === "pending" && overdueMs > OVERDUE_MS) onBug(`Run ${name} was to begin ${overdueMs} ms ago`);
  }
};

const hasRoom = (plan: RunPlan, entries: readonly CapacityEntry[]): boolean => {
  const able = entries.filter((entry) => {
    const blocks = plan.nodes > 1 ? totalOf(entry) : blocksFor(plan, entry);
    return isOpen(entry) && fits(plan, entry) && usedOf(entry) + blocks <= totalOf(entry);
  });
  const fleets = Map.groupBy(able, ({ instance }) => instance.fleet_id);
  return [...fleets.values()].some((own) => own.length >= plan.nodes);
};

const mayBeKept = (plan: RunPlan, entry: CapacityEntry): boolean =>
  plan.nodes > 1 || blocksFor(plan, entry) > 1;

const isOpen = ({ instance: { status, unreachable, cordon } }: CapacityEntry): boolean =>
  (status === "idle" || status === "busy") && !unreachable && !cordon;

const fits = (plan: RunPlan, { instance: { inventory } }: CapacityEntry): boolean =>
  inventory.cpus >= leastCpus(plan) && inventory.memory_mib >= LEAST_MEMORY_MIB;

const totalOf = ({ instance: { blocks } }: CapacityEntry): number => (blocks === "auto" ? 1 : blocks);

const usedOf = (entry: CapacityEntry): number =>
  [...entry.occupants.values()].reduce(
    (sum, { blocks, total }) => sum + Math.ceil((blocks * totalOf(entry)) / total),
    0,
  );

const blocksFor = (plan: RunPlan, entry: CapacityEntry): number => {
  const { cpus, memory_mib: memory } = entry.instance.inventory;
  const total = totalOf(entry);
  return Math.max(
    Math.ceil((leastCpus(plan) * total) / cpus),
    Math.ceil((LEAST_MEMORY_MIB * total) / memory),
  );
};
