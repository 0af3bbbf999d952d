import { FleetSpec } from "../../shared/api/fleets.ts";
import { FakeClock } from "../../shared/testing/fakeClock.ts";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { enrollInstance } from "../domain/instances/enroll.ts";
import { eventTeller } from "../store/events.ts";
import { type FleetRow, findFleet, insertFleet, patchFleet } from "../store/fleets.ts";
import { type InstanceFilter, listInstances } from "../store/instanceLists.ts";
import type { InstanceRow } from "../store/instances.ts";
import { anInventory } from "./anInstance.ts";
import { FakeBackend } from "./fakeBackend.ts";
import { PROJECT_ID, TestEngine } from "./testEngine.ts";

const specOf = (configuration: Record<string, unknown>): FleetSpec =>
  FleetSpec.parse({
    configuration: { type: "fleet", name: "burst", ...configuration },
    profile: { name: "default" },
  });

/** An engine with a cloud, and one fleet `burst` there. */
export const openCloud = async (configuration: Record<string, unknown>, cloud = new FakeBackend()) => {
  const dir = tempDir();
  const clock = new FakeClock();
  const start = () => TestEngine.open(dir.path, clock, { backends: [cloud] });
  let engine = await start();
  const row: FleetRow = {
    id: crypto.randomUUID(),
    project_id: PROJECT_ID,
    name: "burst",
    spec: specOf(configuration),
    status: "active",
    attempts: 0,
    next_attempt_at: null,
    master_id: null,
    created_at: clock.now(),
    deleted: false,
  };
  await engine.fleets.withFleet(row.id, () => insertFleet(engine.db, row).then(() => undefined));
  const all = async (): Promise<InstanceRow[]> => {
    const filter: InstanceFilter = { projectIds: [PROJECT_ID], fleetIds: [row.id], onlyActive: false };
    const page = { prevTime: null, prevId: null, ascending: true, limit: 1_000 };
    return (await listInstances(engine.db, filter, page)).sort((a, b) => a.instance_num - b.instance_num);
  };
  const opened = {
    cloud,
    clock,
    all,
    get engine() {
      return engine;
    },
    fleet: async () => {
      const found = await findFleet(engine.db, row.id);
      if (!found) throw new Error("The fleet is gone");
      return found;
    },
    statuses: async () => (await all()).map(({ status }) => status),
    becomes: (...statuses: string[]) =>
      waitFor(
        `instances to be ${statuses}`,
        async () => (await opened.statuses()).join() === statuses.join(),
      ),
    /** The agent of an instance enrolls, with what the cloud was told. */
    join: async (num: number, inventory = {}) => {
      // A run is on its way as soon as there is a row for its instance, which is made after that.
      const request = await waitFor(`instance ${num} to be made`, async () =>
        cloud.made.get((await all())[num]?.id ?? ""),
      );
      const body = {
        agent_version: "0.1.0",
        public_key: Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString("base64"),
        boot_id: "boot",
        inventory: anInventory({ hostname: request.name, ...inventory }),
        proof: { kind: "join" as const, token: request.token },
      };
      return enrollInstance({ ...engine, clock, tell: eventTeller(engine.db, clock, { ttlS: 3600 }) }, body);
    },
    /** Time passes, and what the fleet was about to do is done. */
    advance: async (ms: number) => {
      clock.advance(ms);
      await engine.fleets.withFleet(row.id, async () => {});
    },
    update: (changed: Record<string, unknown>) =>
      engine.fleets.withFleet(row.id, async () => {
        await patchFleet(engine.db, row.id, { spec: specOf(changed), attempts: 0, next_attempt_at: null });
      }),
    restart: async () => {
      await engine[Symbol.asyncDispose]();
      engine = await start();
    },
    [Symbol.asyncDispose]: async () => {
      await engine[Symbol.asyncDispose]();
      dir[Symbol.dispose]();
    },
  };
  return opened;
};
