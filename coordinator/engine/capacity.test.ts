import { expect, test } from "bun:test";
import fc from "fast-check";
import type { HostShare } from "../../shared/resources/blocks.ts";
import { allot, usedBlocks, wholeOf } from "../domain/instances/occupancy.ts";
import { anInstance } from "../testing/anInstance.ts";
import { Capacity } from "./capacity.ts";

const instance = (id: string, project = "p") => anInstance({ id, project_id: project, name: `lab-${id}` });
const whole = wholeOf({ instance: instance("a") });

test("an instance takes one submission, the same one again, and another after the release", () => {
  const capacity = new Capacity();
  capacity.set(instance("a"), "lab");
  expect(capacity.claim("a", "s1", whole)).toBe(true);
  expect(capacity.claim("a", "s1", whole)).toBe(true);
  expect(capacity.claim("a", "s2", whole)).toBe(false);
  expect(capacity.release("a", "s1")).toBe(true);
  expect(capacity.release("a", "s1")).toBe(false);
  expect(capacity.claim("a", "s2", whole)).toBe(true);
  expect(capacity.claim("unknown", "s2", whole)).toBe(false);
});

test("a changed row keeps its occupants; projects see their own instances only", () => {
  const capacity = new Capacity();
  capacity.set(instance("a"), "lab");
  capacity.set(instance("b", "q"), "lab");
  capacity.claim("a", "s1", whole);
  capacity.set({ ...instance("a"), unreachable: true }, "lab");
  expect([...(capacity.get("a")?.occupants.keys() ?? [])]).toEqual(["s1"]);
  expect(capacity.list("q").map((entry) => entry.instance.id)).toEqual(["b"]);
});

const gpu = (index: number) => ({
  vendor: "nvidia" as const,
  raw_name: "NVIDIA H100 80GB HBM3",
  id: `GPU-${index}`,
  index,
  memory_mib: 81_559,
});

test("a share of a host that was divided anew meanwhile is refused", () => {
  const capacity = new Capacity();
  const row = { ...anInstance({ blocks: 4 }), id: "a" };
  capacity.set(row, "lab");
  const entry = capacity.get("a");
  const share = entry && allot(entry, { blocks: 1 });
  if (!share) throw new Error("A free host has a share");
  capacity.update("a", { blocks: 2 });
  expect(capacity.claim("a", "s1", share)).toBe(false);
});

test("blocks and devices are never given twice, whatever is claimed and released", () => {
  const step = fc.record({
    occupant: fc.nat(12),
    blocks: fc.integer({ min: 1, max: 8 }),
    leaves: fc.boolean(),
  });
  const host = fc.record({ total: fc.constantFrom(1, 2, 4, 8), gpus: fc.constantFrom(0, 8, 16) });
  fc.assert(
    fc.property(host, fc.array(step, { maxLength: 60 }), ({ total, gpus }, steps) => {
      const capacity = new Capacity();
      const row = anInstance(
        { id: "a", blocks: total },
        { cpus: 16, gpus: Array.from({ length: gpus }, (_, index) => gpu(index)) },
      );
      capacity.set(row, "lab");
      const held = new Map<string, HostShare>();
      for (const { occupant, blocks, leaves } of steps) {
        const id = `s${occupant}`;
        const entry = capacity.get("a");
        if (!entry) throw new Error("The host is gone");
        if (leaves) {
          expect(capacity.release("a", id)).toBe(held.delete(id));
        } else if (!held.has(id)) {
          const free = total - usedBlocks(entry);
          const share = allot(entry, { blocks: blocks });
          // Whatever is free can be had: nothing is lost between others.
          expect(share !== undefined).toBe(blocks <= free);
          if (share) {
            expect(share.gpu_ids).toHaveLength((gpus / total) * blocks);
            expect(capacity.claim("a", id, share)).toBe(true);
            held.set(id, share);
          }
        }
        const shares = [...held.values()];
        const ids = shares.flatMap((share) => share.gpu_ids);
        expect(new Set(ids).size).toBe(ids.length);
        expect(shares.reduce((sum, share) => sum + share.blocks, 0)).toBeLessThanOrEqual(total);
        // A share that was chosen before somebody else took some of it is refused.
        for (const share of shares)
          if (share.blocks === total) expect(capacity.claim("a", "late", share)).toBe(false);
      }
    }),
  );
});
