/** Fleets that make their instances themselves, with the driver that starts agents on the coordinator's own machine. */
import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Instance } from "../../shared/api/fleets.ts";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { type Coordinator, startCoordinator } from "./harness/coordinator.ts";
import { killJobsOf } from "./harness/leftovers.ts";
import { describeWith } from "./harness/requirements.ts";
import { NEEDS, SMALL } from "./harness/system.ts";

const MOST = 3;
const PATIENCE = 60_000;

describeWith(NEEDS.process, "fleets that make their instances", () => {
  const undo = new AsyncDisposableStack();
  let dir: string;
  let coordinator: Coordinator;

  beforeAll(async () => {
    dir = undo.use(tempDir()).path;
    coordinator = undo.use(
      await startCoordinator({
        dir: join(dir, "c"),
        env: { DSTACK_SERVER_LOCAL_INSTANCES: `${MOST}`, DSTACK_SERVER_DIR: join(dir, "server") },
      }),
    );
  }, PATIENCE);
  afterAll(async () => {
    // Instances outlive their coordinator.
    killJobsOf(join(dir, "server", "local"));
    await undo.disposeAsync();
  }, PATIENCE);
  afterEach(async () => {
    const left = JSON.parse(await client().dstackOk(["fleet", "--json"])) as { fleets: { name: string }[] };
    for (const { name } of left.fleets) await client().dstackOk(["fleet", "delete", "-y", name]);
    await waitFor("all instances to end", () => processes() === 0, PATIENCE);
  }, PATIENCE);

  const client = () => coordinator.client;
  /** Each has a folder for as long as its agent is there. */
  const processes = (): number => {
    const folder = join(dir, "server", "local");
    return existsSync(folder) ? readdirSync(folder).length : 0;
  };
  const applyFleet = (name: string, more: Record<string, unknown>) => {
    const path = join(dir, `${name}.dstack.yml`);
    writeFileSync(path, JSON.stringify({ type: "fleet", name, ...more }));
    return client().dstack(["apply", "-y", "-f", path], { timeoutMs: PATIENCE });
  };
  const submit = (name: string, commands: string[], more: Record<string, unknown> = {}) =>
    client().dstackOk(["apply", "-y", "-d", "-f", "-"], {
      input: JSON.stringify({ type: "task", name, commands, resources: SMALL, ...more }),
    });
  const instances = async (fleet: string): Promise<Instance[]> => (await client().getFleet(fleet)).instances;
  const names = async (fleet: string): Promise<string[]> =>
    (await instances(fleet)).map(({ name, status }) => `${name} ${status}`);
  const become = (fleet: string, expected: readonly string[]) =>
    waitFor(
      `${fleet} to be ${expected.join(", ") || "empty"}`,
      async () => (await names(fleet)).join() === expected.join(),
      PATIENCE,
    ).catch(async (err: unknown) => {
      throw new Error(`${fleet} is ${(await names(fleet)).join(", ")}\n${await told(fleet)}`, { cause: err });
    });
  const told = (fleet: string) => client().dstackOk(["event", "--within-fleet", fleet]);

  test("as many as it asks for at first, no fewer than its least number later, none twice", async () => {
    const nodes = { min: 1, target: 2, max: 3 };
    const applied = await applyFleet("range", { nodes, idle_duration: "3s" });
    expect(applied).toMatchObject({ code: 0 });
    await waitFor(
      "two",
      async () => (await told("range")).match(/Instance created/g)?.length === 2,
      PATIENCE,
    );
    // What is above the least number goes when it was idle for its time.
    await waitFor("one to go", async () => (await told("range")).includes("IDLE_TIMEOUT"), PATIENCE);
    await waitFor("its end", () => processes() === 1, PATIENCE);
    const [left] = await instances("range");
    expect(left).toMatchObject({ status: "idle" });
    // Of a killed coordinator the next one finds what there is.
    await coordinator.program.kill9();
    await coordinator.restart();
    expect(await instances("range")).toMatchObject([{ name: left?.name, status: "idle" }]);
  }, 120_000);

  test("a job without a host gets one, the next waits for it, and no more are made than may be", async () => {
    await applyFleet("burst", { nodes: "0..1", idle_duration: "2s" });
    expect(await names("burst")).toEqual([]);
    const go = join(dir, "go");
    const wait = [`until [ -e ${go} ]; do sleep 0.1; done; echo $DSTACK_RUN_NAME is through`];
    await submit("first", wait);
    await client().waitForRun("first", ({ status }) => status === "running", PATIENCE);
    expect(await names("burst")).toEqual(["burst-0 busy"]);
    // Who does not want to wait is told at once; who does gets the same instance.
    await submit("hasty", ["true"]);
    const hasty = await client().waitForEnd("hasty", PATIENCE);
    expect(hasty.jobs[0]?.job_submissions.at(-1)).toMatchObject({
      termination_reason: "failed_to_start_due_to_no_capacity",
    });
    await submit("patient", ["true"], { retry: { on_events: ["no-capacity"], duration: "10m" } });
    const inUse = await client().dstack(["fleet", "delete", "-y", "burst"]);
    expect(inUse.code).toBe(1);
    writeFileSync(go, "");
    expect(await client().waitForEnd("first", PATIENCE)).toMatchObject({ status: "done" });
    expect(await client().waitForEnd("patient", PATIENCE)).toMatchObject({ status: "done" });
    await become("burst", []);
    const all = await told("burst");
    expect(all.match(/Instance created/g)).toHaveLength(1);
    expect(all).toContain("IDLE_TIMEOUT");
    await waitFor("its end", () => processes() === 0, PATIENCE);
  }, 120_000);

  test("what cannot be made says why, is counted, and is tried again when the fleet is changed", async () => {
    const applied = await applyFleet("much", { nodes: MOST + 1 });
    expect(applied.stdout).toContain("Some instances failed");
    const refused = /PENDING -> TERMINATED. Termination reason: NO_OFFERS \((.*)\)/;
    expect((await told("much")).match(refused)?.[1]).toMatch(/No backend has such an instance|There are 3/);
    expect((await names("much")).filter((name) => name.endsWith("idle"))).toHaveLength(MOST);
    // In place: what is there stays.
    const before = (await instances("much")).filter(({ status }) => status === "idle").map(({ id }) => id);
    await applyFleet("much", { nodes: MOST });
    await waitFor(
      "the fleet to be whole",
      async () => (await names("much")).every((name) => name.endsWith("idle")),
      PATIENCE,
    );
    expect((await instances("much")).map(({ id }) => id)).toEqual(before);
    await applyFleet("much", { nodes: "0..1" });
    await waitFor("the surplus to go", async () => (await names("much")).length === 1, PATIENCE);
    expect((await told("much")).match(/MAX_INSTANCES_LIMIT/g)).toHaveLength(MOST - 1);
    await applyFleet("much", { nodes: "1..2", resources: { memory: "1000TB.." } });
    await waitFor(
      "what does not fit to go",
      async () => (await told("much")).includes("FLEET_SPEC_MISMATCH"),
      PATIENCE,
    );
  }, 120_000);

  test("a cluster comes by its master: with it all nodes of a task, without it nobody", async () => {
    await applyFleet("pair", { nodes: 2, placement: "cluster" });
    await become("pair", ["pair-0 idle", "pair-1 idle"]);
    await submit("both", ["echo node $DSTACK_NODE_RANK of $DSTACK_NODES_NUM"], {
      nodes: 2,
      fleets: ["pair"],
    });
    expect(await client().waitForEnd("both", PATIENCE)).toMatchObject({ status: "done" });
    for (const rank of [0, 1])
      expect(await client().dstackOk(["logs", "both", "--job", `${rank}`])).toContain(`node ${rank} of 2`);
    const nodes = { min: 0, target: 2 };
    await applyFleet("none", { nodes, placement: "cluster", resources: { memory: "1000TB.." } });
    await waitFor("the end of both", async () => (await told("none")).includes("MASTER_FAILED"), PATIENCE);
    const all = await told("none");
    expect(all).toMatch(/\[instance none-0\] .*NO_OFFERS/);
    expect(all).toMatch(/\[instance none-1\] .*MASTER_FAILED/);
  }, 120_000);
});
