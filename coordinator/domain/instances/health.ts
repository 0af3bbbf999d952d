import type { GpuDevice, Inventory } from "../../../shared/protocol/inventory.ts";

/** How a host does, in the words of the wire (docs/spec/lifecycle.md §2): by its devices alone. */
export interface InstanceHealth {
  /** `failure`: none of its devices can be given to a job; then it gets none. */
  status: "healthy" | "warning" | "failure";
  /** For people; null: nothing is known against it. */
  reason: string | null;
}

export const healthOf = (inventory: Inventory): InstanceHealth => {
  const { gpus, held_out_gpus, gpu_failure } = inventory;
  const heldOut = held_out_gpus ?? [];
  const reasons = [
    ...heldOut.map((gpu) => `${nameOf(gpu)} is held out: ${gpu.health?.reason ?? "unknown"}`),
    ...gpus.flatMap((gpu) =>
      gpu.health && gpu.health.status !== "healthy" ? `${nameOf(gpu)}: ${gpu.health.reason}` : [],
    ),
    ...(gpu_failure ? [gpu_failure] : []),
  ];
  if (reasons.length === 0) return { status: "healthy", reason: null };
  const isFailure = heldOut.length > 0 && gpus.length === 0;
  return { status: isFailure ? "failure" : "warning", reason: reasons.join("; ") };
};

const nameOf = ({ raw_name, bus_id, id }: GpuDevice): string => `${raw_name} at ${bus_id ?? id}`;
