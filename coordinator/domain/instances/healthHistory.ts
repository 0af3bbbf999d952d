import type { HealthChecks } from "../../../shared/api/fleets.ts";
import { toWireTime } from "../../../shared/api/scalars.ts";
import type { Inventory } from "../../../shared/protocol/inventory.ts";
import type { Db, Statement } from "../../store/db.ts";
import type { NewEvent } from "../../store/events.ts";
import { findNewestHealthCheck, type HealthCheckRow, insertHealthCheck } from "../../store/healthChecks.ts";
import type { InstanceRow } from "../../store/instances.ts";
import { instanceHealth } from "../events/instanceEvents.ts";
import { healthOf } from "./health.ts";

/** What is to be written where an instance does otherwise than when it was last heard of; nothing where it is the same. */
export const noteHealth = async (
  db: Db,
  instance: InstanceRow,
  { inventory, now }: { inventory: Inventory; now: number },
): Promise<{ statements: Statement[]; events: NewEvent[] }> => {
  const { status, events } = healthOf(inventory);
  const last = await findNewestHealthCheck(db, instance.id);
  if (last?.status === status && Bun.deepEquals(last.events, events)) return { statements: [], events: [] };
  // Behind the one that it follows, whatever the clock does.
  const at = last ? Math.max(now, last.at + 1) : now;
  return {
    statements: insertHealthCheck(db, { instance_id: instance.id, at, status, events }),
    events:
      (last?.status ?? "healthy") === status
        ? []
        : [instanceHealth(instance, { from: last?.status ?? "healthy", to: status, events })],
  };
};

export const viewHealthChecks = (rows: readonly HealthCheckRow[]): HealthChecks => ({
  health_checks: rows.map(({ at, status, events }) => ({
    collected_at: toWireTime(at),
    status,
    events: events.map((event) => ({ timestamp: toWireTime(at), ...event })),
  })),
});
