import { join } from "node:path";
import type { MakeRequest } from "../../coordinator/domain/fleets/backend.ts";
import { type InstanceRow, insertInstance } from "../../coordinator/store/instances.ts";
import { hostRow } from "../../coordinator/testing/testEngine.ts";
import type { SimCoordinator } from "./coordinator.ts";
import { SimHost } from "./host.ts";
import type { Ledger } from "./ledger.ts";
import type { Random } from "./random.ts";
import type { Life, World } from "./world.ts";

export interface MachinesOptions {
  world: World;
  ledger: Ledger;
  /** A folder of each machine is in it. */
  dir: string;
  isUnfenced: boolean;
  onBug: (what: string) => void;
}

/** Whoever sets up machines, and starts their agents again. */
const ADMINS: Life = { name: "admins", alive: true, machine: { skewMs: 0 } };

/** Some hosts are shared in parts, some have devices. */
const drawHost = (random: Random, num: number, now: number): InstanceRow => {
  const row = hostRow(num);
  const gpus = Array.from({ length: random.chance(0.5) ? 4 : 0 }, (_, index) => ({
    vendor: "nvidia" as const,
    raw_name: "NVIDIA L4",
    id: `GPU-${num}-${index}`,
    index,
    memory_mib: 23_034,
  }));
  const blocks = 2 ** random.below(3);
  return { ...row, id: random.uuid(), created_at: now, blocks, inventory: { ...row.inventory, gpus } };
};

/** All hosts of a simulation, and how they come and go. */
export class Machines implements Disposable {
  readonly byName = new Map<string, SimHost>();
  readonly clones: (readonly [SimHost, SimHost])[] = [];
  readonly #options: MachinesOptions;
  #count = 0;

  constructor(options: MachinesOptions) {
    this.#options = options;
  }

  get all(): SimHost[] {
    return [...this.byName.values()];
  }

  /** A host that joined by itself. */
  async add(coordinator: SimCoordinator): Promise<void> {
    const { world } = this.#options;
    const row = drawHost(world.random, this.#count++, world.now);
    const host = this.#make(row);
    await coordinator.call(async ({ db, engine }) => {
      await insertInstance(db, row);
      engine.addInstance(row, "lab");
    });
    this.byName.set(row.name, host);
    host.start();
  }

  /** A machine of the cloud has started: its agent is to join. */
  boot({ id, name, token }: MakeRequest): void {
    const host = this.#make({ ...hostRow(this.#count++), id, name }, token);
    this.byName.set(name, host);
    host.start();
  }

  /** The cloud has taken the machine away. */
  end(instanceId: string): void {
    for (const host of this.all) if (host.row.id === instanceId) host.takeAway();
  }

  /** Is there another one of it? */
  isTwin(host: SimHost): boolean {
    return this.clones.some((twins) => twins.includes(host));
  }

  /** A host that was set up from the disk of another one, whose agent had joined. */
  clone(original: SimHost): void {
    const { ledger } = this.#options;
    const name = `${original.row.name}-copy`;
    if (original.isMade || original.isLeaving || original.isRemoved || this.isTwin(original)) return;
    const copy = this.#make({ ...original.row, name });
    this.clones.push([original, copy]);
    ledger.noteTwins(original.row.id, original.row.name, name);
    this.byName.set(name, copy);
    copy.start();
  }

  /** Its agent comes back after a while, mostly soon. */
  restart(host: SimHost, mostMs: number): void {
    this.startAfter(host, this.#options.world.random.skewed(100, mostMs));
  }

  startAfter(host: SimHost, ms: number): void {
    this.#options.world.after(ms, () => host.start(), ADMINS);
  }

  #make(row: InstanceRow, joinToken?: string): SimHost {
    const { world, ledger, dir, isUnfenced, onBug } = this.#options;
    const options = { world, ledger, row, dir: join(dir, row.name), isUnfenced, onBug };
    return new SimHost({ ...options, ...(joinToken === undefined ? {} : { joinToken }) });
  }

  [Symbol.dispose](): void {
    for (const host of this.all) host[Symbol.dispose]();
  }
}
