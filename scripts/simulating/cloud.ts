import type { Backend, MakeRequest } from "../../coordinator/domain/fleets/backend.ts";
import type { FleetRow } from "../../coordinator/store/fleets.ts";
import type { MadeOffer } from "../../coordinator/store/madeInstance.ts";
import { anOffer } from "../../coordinator/testing/fakeBackend.ts";
import { PROJECT_ID } from "../../coordinator/testing/testEngine.ts";
import { FleetSpec } from "../../shared/api/fleets.ts";
import { AppError } from "../../shared/errors.ts";
import type { Likelihoods } from "./faults.ts";
import type { Life, World } from "./world.ts";

export interface CloudOptions {
  world: World;
  faults: Likelihoods;
  /** A machine has started, and its agent is to join. */
  onBoot: (request: MakeRequest) => void;
  onEnd: (id: string) => void;
  /** What is to be ended goes on, and nobody is told. */
  isLeaking: boolean;
}

const LONGEST_CALL_MS = 20_000;
const LONGEST_BOOT_MS = 180_000;
/** Machines do not wait for anybody. */
const NOBODY: Life = { name: "cloud", alive: true, machine: { skewMs: 0 } };

/** A backend whose machines are hosts of the simulation, and the fleet that it makes them for. */
export class Cloud implements Backend {
  readonly name = "fake";
  readonly fleetId: string;
  readonly least: number;
  readonly most: number;
  /** The instances that there are machines of. */
  readonly machines = new Set<string>();
  readonly #options: CloudOptions;
  readonly #blocks: number;
  readonly #isCluster: boolean;
  readonly #idleDuration: string;

  constructor(options: CloudOptions) {
    this.#options = options;
    const { random } = options.world;
    this.fleetId = random.uuid();
    this.least = random.below(2);
    this.most = this.least + random.below(3);
    this.#blocks = 2 ** random.below(2);
    this.#isCluster = random.chance(0.3);
    this.#idleDuration = random.chance(0.5) ? "0s" : "1m";
  }

  get fleet(): FleetRow {
    const configuration = {
      type: "fleet",
      name: "burst",
      nodes: { min: this.least, max: this.most },
      blocks: this.#blocks,
      idle_duration: this.#idleDuration,
      ...(this.#isCluster ? { placement: "cluster" } : {}),
    };
    return {
      id: this.fleetId,
      project_id: PROJECT_ID,
      name: "burst",
      spec: FleetSpec.parse({ configuration, profile: { name: "default" } }),
      status: "active",
      attempts: 0,
      next_attempt_at: null,
      master_id: null,
      created_at: Math.floor(this.#options.world.now),
      deleted: false,
    };
  }

  listOffers = async (): Promise<MadeOffer[]> => {
    await this.#call();
    return [anOffer()];
  };

  make = async (request: MakeRequest): Promise<string> => {
    const { world, faults } = this.#options;
    await this.#call();
    // Asked again after a crash, it is the same machine, and cannot be refused.
    if (!this.machines.has(request.id)) {
      if (world.random.chance(faults.cloudRefusal)) throw new AppError("unavailable", "Quota exceeded");
      this.#begin(request);
    }
    await this.#call();
    return `data of ${request.name}`;
  };

  isThere = async (id: string): Promise<boolean> => {
    await this.#call();
    return this.machines.has(id);
  };

  end = async (id: string): Promise<void> => {
    const { world, faults, onEnd, isLeaking } = this.#options;
    await this.#call();
    if (world.random.chance(faults.cloudRefusal)) throw new AppError("unavailable", "Try again later");
    if (!isLeaking && this.machines.delete(id)) onEnd(id);
    await this.#call();
  };

  #begin(request: MakeRequest): void {
    const { world, faults, onBoot } = this.#options;
    const { id, name } = request;
    world.note(`the cloud makes ${name}`);
    this.machines.add(id);
    // Some never come.
    if (world.random.chance(faults.cloudRefusal)) return;
    const boot = () => {
      if (this.machines.has(id)) onBoot(request);
    };
    world.after(world.random.skewed(1_000, LONGEST_BOOT_MS), boot, NOBODY);
  }

  /** Takes time, for the process that asks. */
  async #call(): Promise<void> {
    const { world } = this.#options;
    await world.pause(world.random.skewed(1, LONGEST_CALL_MS));
  }
}
