import { expect, test } from "bun:test";
import fc from "fast-check";
import { RunSpec } from "../../shared/api/runs.ts";
import { getJobSpecs } from "../../shared/config/jobSpecs.ts";
import { allot, hasRoom } from "../domain/instances/occupancy.ts";
import { type Candidate, canBegin, findBest, findFree } from "../domain/offers/candidates.ts";
import { anInstance } from "../testing/anInstance.ts";
import { Capacity } from "./capacity.ts";

const wanted = (cpus: number) => {
  const configuration = {
    type: "task",
    commands: ["true"],
    resources: { cpu: `${cpus}..`, memory: "1GB..", disk: null },
  };
  const spec = RunSpec.parse({ run_name: "run", configuration, ssh_key_pub: "" });
  const [jobSpec] = getJobSpecs(spec, { runName: "run", defaultPython: "3.12" });
  if (!jobSpec) throw new Error("A task has a job");
  return { spec, jobSpec };
};

const host = (num: number, { cpus, blocks }: { cpus: number; blocks: number }) =>
  anInstance({ id: `host-${num}`, name: `lab-${num}`, blocks, created_at: num }, { cpus });

const step = fc.record({
  num: fc.nat(7),
  what: fc.constantFrom("set", "remove", "claim", "release", "silent", "back", "divide"),
  cpus: fc.constantFrom(4, 8),
  blocks: fc.constantFrom(1, 2, 4),
});

test("whatever happens to hosts, what is found in the index is as good as the best of all hosts", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.constantFrom(1, 2, 4, 8), (steps, cpus) => {
      const capacity = new Capacity();
      for (const [at, { num, what, cpus: size, blocks }] of steps.entries()) {
        const id = `host-${num}`;
        const entry = capacity.get(id);
        const share = entry && allot(entry, { blocks: 1 });
        if (what === "set") capacity.set(host(num, { cpus: size, blocks }), "lab");
        else if (what === "remove") capacity.remove(id);
        else if (what === "claim" && share) capacity.claim(id, `job-${at}`, share);
        else if (what === "release") capacity.release(id, entry?.occupants.keys().next().value ?? "");
        else if (what === "silent" || what === "back")
          capacity.update(id, { unreachable: what === "silent" });
        else if (what === "divide" && entry?.occupants.size === 0) capacity.update(id, { blocks });
      }
      const rules = { mayUse: canBegin, isReady: () => true };
      const found = findFree(capacity.listKinds("p"), wanted(cpus), rules);
      const best = findBest(capacity.list("p"), wanted(cpus), canBegin);
      // Of its host, and of that what the job would get.
      const sizeOf = ({ entry, blocks, total }: Candidate) => {
        const { cpus: all } = entry.instance.inventory;
        return [all, (all / total) * blocks];
      };
      expect(found && sizeOf(found)).toEqual(best && sizeOf(best));
      const free = capacity
        .listKinds("p")
        .flatMap((group) => [...group.free.values()].flatMap((set) => [...set]));
      const names = (entries: typeof free) => entries.map(({ instance }) => instance.name).sort();
      expect(names(free)).toEqual(names(capacity.list("p").filter((one) => hasRoom(one, { blocks: 1 }))));
    }),
  );
});

test("a host that asks for work comes before one that does not, even a smaller one", () => {
  const capacity = new Capacity();
  for (const [num, cpus] of [4, 4, 8].entries()) capacity.set(host(num, { cpus, blocks: 1 }), "lab");
  const find = (...ready: string[]) =>
    findFree(capacity.listKinds("p"), wanted(2), {
      mayUse: () => true,
      isReady: ({ entry }) => ready.includes(entry.instance.name),
    })?.entry.instance.name;
  expect(find("lab-1", "lab-2")).toBe("lab-1");
  expect(find("lab-2")).toBe("lab-2");
  expect(find()).toBe("lab-0");
});

test("a host that takes no new jobs is passed over", () => {
  const capacity = new Capacity();
  for (const num of [0, 1]) capacity.set(host(num, { cpus: 4, blocks: 1 }), "lab");
  capacity.update("host-0", { cordon: { reason: "a fan", by: "ann", at: 0 } });
  const rules = { mayUse: canBegin, isReady: () => true };
  expect(findFree(capacity.listKinds("p"), wanted(2), rules)?.entry.instance.name).toBe("lab-1");
  capacity.update("host-0", { cordon: null });
  expect(findFree(capacity.listKinds("p"), wanted(2), rules)?.entry.instance.name).toBe("lab-0");
});

test("kinds that no host is of any more are gone", () => {
  const capacity = new Capacity();
  capacity.set(host(0, { cpus: 4, blocks: 1 }), "lab");
  capacity.set(host(0, { cpus: 8, blocks: 1 }), "lab");
  expect(capacity.listKinds("p")).toHaveLength(1);
  expect(capacity.listKinds("q")).toEqual([]);
  capacity.remove("host-0");
  expect(capacity.listKinds("p")).toEqual([]);
});
