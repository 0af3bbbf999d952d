/** `instances` and `fleets` of tasks with several nodes (docs/spec/lifecycle.md §2.4). */
import { describe, expect, test } from "bun:test";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { type InstanceRow, insertInstance } from "../store/instances.ts";
import { type OpenedEngine, openEngine } from "../testing/openEngine.ts";
import { hostRow } from "../testing/testEngine.ts";

const DEN = crypto.randomUUID();
const RETRY = { retry: { on_events: ["no-capacity"], duration: "4h" } };

/** Hosts lab-0 to lab-3, 10.0.0.1 to 10.0.0.4, and in another fleet den-0 and den-1. */
const setUp = async (): Promise<OpenedEngine> => {
  const t = await openEngine();
  for (const num of [0, 1, 2, 3])
    await t.engine.addHost({
      ...hostRow(num),
      labels: { rack: num < 2 ? "a1" : "b1", odd: String(num % 2) },
    });
  for (const num of [4, 5]) {
    const row: InstanceRow = {
      ...hostRow(num),
      fleet_id: DEN,
      instance_num: num - 4,
      name: `den-${num - 4}`,
    };
    await insertInstance(t.engine.db, row);
    t.engine.engine.addInstance(row, "den");
  }
  return t;
};

/** The hosts of the nodes, by name; undefined for those that have none. */
const placesOf = async (t: OpenedEngine, name: string) => {
  const rows = await t.engine.submissions(name);
  return rows.map((row) => t.engine.capacity.get(row.instance_id ?? "")?.instance.name).sort();
};

describe("every node lands on a host that was meant", () => {
  test.each<[string, Record<string, unknown>, string[]]>([
    ["by names", { instances: ["lab-3", "lab-1"] }, ["lab-1", "lab-3"]],
    ["by hostnames", { instances: [{ hostname: "host-2" }, { hostname: "host-0" }] }, ["lab-0", "lab-2"]],
    ["by addresses", { instances: [{ hostname: "10.0.0.4" }, { hostname: "host-1" }] }, ["lab-1", "lab-3"]],
    [
      "by fleet and number",
      {
        instances: [
          { fleet: "den", instance: 1 },
          { fleet: "den", instance: 0 },
        ],
      },
      ["den-0", "den-1"],
    ],
    [
      "in the one fleet that has enough of them",
      { instances: ["lab-0", "den-1", "den-0"] },
      ["den-0", "den-1"],
    ],
    ["by label", { instances: ["rack=b1"] }, ["lab-2", "lab-3"]],
    ["by one label or another", { instances: ["rack=a1,odd=1", "rack=b1,odd=0"] }, ["lab-1", "lab-2"]],
    ["by a label and a name", { instances: ["rack=b1,odd=1", "lab-0"] }, ["lab-0", "lab-3"]],
    ["by what hosts are", { instances: ["arch=x86,rack=a1"] }, ["lab-0", "lab-1"]],
    ["by fleet", { fleets: ["den"] }, ["den-0", "den-1"]],
    ["by both", { fleets: ["lab"], instances: ["lab-2", "lab-3", "den-0"] }, ["lab-2", "lab-3"]],
  ])("%s", async (_, selection, names) => {
    await using t = await setUp();
    await t.engine.submit("spread", { nodes: 2, ...selection });
    expect(await placesOf(t, "spread")).toEqual(names);
    const rows = await t.engine.submissions("spread");
    const fleets = rows.map((row) => t.engine.capacity.get(row.instance_id ?? "")?.instance.fleet_id);
    expect(new Set(fleets)).toEqual(new Set([(await t.engine.run("spread")).fleet_id ?? ""]));
  });
});

describe("where they cannot, it says why", () => {
  const busyWith = (...names: string[]) => names.map((name) => ({ instances: [name] }));
  test.each<[string, Record<string, unknown>, Record<string, unknown>[], string]>([
    [
      "fewer hosts than nodes",
      { instances: ["lab-0"] },
      [],
      "Failed to use specified instances: 2 hosts of one fleet are needed, 1 would fit",
    ],
    [
      "hosts of two fleets",
      { instances: ["lab-0", "den-0"] },
      [],
      "Failed to use specified instances: 2 hosts of one fleet are needed, 1 would fit",
    ],
    [
      "no such hosts",
      { instances: ["gone-0", { hostname: "nowhere" }] },
      [],
      "Failed to use specified instances: no host of this project is among them",
    ],
    [
      "one is busy",
      { instances: ["lab-0", "lab-1"] },
      busyWith("lab-1"),
      "Failed to use specified instances: 2 free hosts of one fleet are needed, 1 of 2 are free",
    ],
    [
      "free ones, but not in one fleet",
      { instances: ["lab-0", "lab-1", "den-0", "den-1"] },
      busyWith("lab-1", "den-0"),
      "Failed to use specified instances: 2 free hosts of one fleet are needed, 1 of 2 are free in lab",
    ],
    [
      "no such hardware",
      { instances: ["lab-0", "lab-1"], resources: { cpu: "64.." } },
      [],
      "Failed to use specified instances: lab-0 needs",
    ],
    [
      "no such fleet",
      { fleets: ["attic"] },
      [],
      "Failed to use specified fleets: no host of this project is among them",
    ],
    [
      "a fleet that is too small",
      { fleets: ["den"], nodes: 3 },
      [],
      "Failed to use specified fleets: 3 hosts of one fleet are needed, 2 would fit",
    ],
  ])("%s", async (_, selection, others, message) => {
    await using t = await setUp();
    for (const [n, other] of others.entries()) await t.engine.submit(`other-${n}`, other);
    await t.engine.submit("spread", { nodes: 2, ...selection });
    expect((await t.engine.run("spread")).status).toBe("failed");
    const [master, worker] = await t.engine.submissions("spread");
    expect(master).toMatchObject({
      termination_reason: "failed_to_start_due_to_no_capacity",
      instance_id: null,
    });
    expect(master?.termination_reason_message).toStartWith(message);
    expect(worker).toMatchObject({ termination_reason: "terminated_by_server", instance_id: null });
  });
});

test("it waits for the hosts that were meant, whatever else is free", async () => {
  await using t = await setUp();
  await t.engine.submit("other", { instances: ["lab-1"] });
  const other = await t.engine.latest("other");
  await t.engine.submit("spread", { nodes: 2, instances: ["lab-0", "lab-1"], ...RETRY });
  const { id } = await t.engine.run("spread");
  await t.engine.submit("passing");
  expect((await t.engine.run("passing")).status).toBe("provisioning");
  expect((await t.engine.run("spread")).status).toBe("pending");
  expect(t.engine.engine.positionOf(id)?.reason).toContain("2 free hosts of one fleet are needed");
  const host = t.engine.capacity.get(other.instance_id ?? "")?.instance;
  if (!host) throw new Error("The other run has a host");
  // Unless that has the other one by now.
  const passing = await t.engine.latest("passing");
  const taken = t.engine.capacity.get(passing.instance_id ?? "")?.instance;
  if (taken?.name === "lab-0") await t.engine.finished(taken, await t.engine.takeOne(taken), { exit: 0 });
  await t.engine.finished(host, await t.engine.takeOne(host), { exit: 0 });
  await waitFor("its hosts", async () => (await t.engine.run("spread")).status === "provisioning");
  expect((await placesOf(t, "spread")).filter((name) => name !== undefined)).toEqual(["lab-0", "lab-1"]);
});
