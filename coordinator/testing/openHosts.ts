import { FleetSpec } from "../../shared/api/fleets.ts";
import { FakeClock } from "../../shared/testing/fakeClock.ts";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { deleteFleets } from "../domain/fleets/deleteFleets.ts";
import { sealSecrets } from "../domain/fleets/sshSecrets.ts";
import { hostsOf } from "../domain/fleets/sshSpec.ts";
import { enrollInstance } from "../domain/instances/enroll.ts";
import type { BringIn, HostProgress, HostTarget } from "../hosts/target.ts";
import { eventTeller } from "../store/events.ts";
import { type FleetRow, findFleet, newFleet } from "../store/fleets.ts";
import { listInstances } from "../store/instanceLists.ts";
import type { InstanceRow } from "../store/instances.ts";
import { anInventory } from "./anInstance.ts";
import { newHostKey } from "./hostKey.ts";
import { PROJECT_ID, TestEngine } from "./testEngine.ts";

/** One login, which ends as the test says. */
export interface Login {
  target: HostTarget;
  note: (progress: HostProgress) => Promise<void>;
  signal: AbortSignal;
  succeed: () => void;
  fail: (err: Error) => void;
}

/** Hosts that are only names: every login waits for what the test makes of it. */
class FakeHosts {
  readonly logins: Login[] = [];

  readonly bringIn: BringIn = (target, { note, signal }) =>
    new Promise((resolve, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
      this.logins.push({ target, note, signal, succeed: resolve, fail: reject });
    });

  /** The newest login, once there have been so many. */
  async login(count: number): Promise<Login> {
    await waitFor(`login ${count}`, () => this.logins.length >= count);
    const login = this.logins[count - 1];
    if (!login) throw new Error(`There was no login ${count}`);
    return login;
  }
}

/** An engine with one SSH fleet, `rack`, of these hosts. */
export const openHosts = async (...hosts: (string | Record<string, unknown>)[]) => {
  const dir = tempDir();
  const clock = new FakeClock();
  const fake = new FakeHosts();
  const start = () => TestEngine.open(dir.path, clock, { bringIn: fake.bringIn });
  let engine = await start();
  let proofs = 0;
  const ssh_config = { user: "ann", ssh_key: { public: "", private: "the private key" }, hosts };
  const spec = FleetSpec.parse({
    configuration: { type: "fleet", name: "rack", ssh_config, env: { https_proxy: "http://p:1", TEAM: "a" } },
    profile: { name: "default" },
  });
  const row: FleetRow = {
    id: crypto.randomUUID(),
    project_id: PROJECT_ID,
    name: "rack",
    spec,
    status: "active",
    attempts: 0,
    next_attempt_at: null,
    master_id: null,
    created_at: clock.now(),
    deleted: false,
  };
  const seal = () =>
    hostsOf(spec).map(({ secrets, ...host }) => {
      if (!secrets) throw new Error("The configuration has no key");
      return { ...host, sealed: sealSecrets(engine.box, { ...secrets, sudoPassword: "geheim" }) };
    });
  const apply = () =>
    engine.fleets.withFleet(row.id, () =>
      engine.fleets.bringIn(row, seal(), {
        origin: "fleet creation",
        actorId: "ann",
        statements: [newFleet(engine.db, row)],
      }),
    );
  const all = async (): Promise<InstanceRow[]> => {
    const filter = { projectIds: [PROJECT_ID], fleetIds: [row.id], onlyActive: false };
    const page = { prevTime: null, prevId: null, ascending: true, limit: 1_000 };
    return (await listInstances(engine.db, filter, page)).sort((a, b) => a.instance_num - b.instance_num);
  };
  const one = async (num = 0): Promise<InstanceRow> => {
    const found = (await all())[num];
    if (!found) throw new Error(`There is no host ${num}`);
    return found;
  };
  const opened = {
    fake,
    clock,
    apply,
    all,
    one,
    get engine() {
      return engine;
    },
    fleet: () => findFleet(engine.db, row.id),
    becomes: (status: string, num = 0) =>
      waitFor(`host ${num} to be ${status}`, async () => (await one(num)).status === status),
    /** The host's agent enrolls with the token of a login, each time by a proof of its own. */
    enroll: (login: Login, inventory: Parameters<typeof anInventory>[0] = {}, key = newHostKey()) => {
      proofs += 1;
      const proof = {
        kind: "join" as const,
        token: login.target.token,
        key: key.prove(clock.now() + proofs),
      };
      const body = {
        agent_version: "0.1.0",
        public_key: key.publicKey,
        boot_id: "boot",
        inventory: anInventory({ hostname: login.target.login.hostname, ...inventory }),
        proof,
      };
      return enrollInstance({ ...engine, clock, tell: eventTeller(engine.db, clock, { ttlS: 3600 }) }, body);
    },
    sync: async (num = 0) => engine.sync(await one(num)),
    removeFleet: () => deleteFleets(engine, PROJECT_ID, { names: ["rack"], actorId: "ann" }),
    restart: async () => {
      await engine[Symbol.asyncDispose]();
      engine = await start();
    },
    /** After it has died by itself. */
    reopen: async () => {
      engine = await start();
    },
    [Symbol.asyncDispose]: async () => {
      await engine[Symbol.asyncDispose]();
      dir[Symbol.dispose]();
    },
  };
  await apply();
  return opened;
};
