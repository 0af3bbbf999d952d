import type { HealthEvent, HealthStatus } from "../../../shared/api/fleets.ts";
import type { GpuDevice, Inventory } from "../../../shared/protocol/inventory.ts";

/** How a host does, in the words of the wire (docs/spec/lifecycle.md §2): by its devices alone. */
export interface InstanceHealth {
  /** `failure`: none of its devices can be given to a job; then it gets none. */
  status: HealthStatus;
  /** What is known against it, device by device. */
  events: HealthEvent[];
  /** All of that, for people; null: there is none. */
  reason: string | null;
}

export const healthOf = (inventory: Inventory): InstanceHealth => {
  const { gpus, held_out_gpus, gpu_failure } = inventory;
  const heldOut = held_out_gpus ?? [];
  const events: HealthEvent[] = [
    ...heldOut.map((gpu) => ({
      status: "failure" as const,
      message: `${nameOf(gpu)} is held out: ${gpu.health?.reason ?? "unknown"}`,
    })),
    ...gpus.flatMap((gpu) =>
      gpu.health && gpu.health.status !== "healthy"
        ? { status: gpu.health.status, message: `${nameOf(gpu)}: ${gpu.health.reason}` }
        : [],
    ),
    ...(gpu_failure ? [{ status: "warning" as const, message: gpu_failure }] : []),
  ];
  if (events.length === 0) return { status: "healthy", events, reason: null };
  const isFailure = heldOut.length > 0 && gpus.length === 0;
  const reason = events.map(({ message }) => message).join("; ");
  return { status: isFailure ? "failure" : "warning", events, reason };
};

const nameOf = ({ raw_name, bus_id, id }: GpuDevice): string => `${raw_name} at ${bus_id ?? id}`;
