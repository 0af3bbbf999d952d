import type { SimCoordinator } from "./coordinator.ts";
import type { World } from "./world.ts";

/** What somebody asked for, and whether they were told that it is so. */
export interface WantedRun {
  name: string;
  configuration: Record<string, unknown>;
  isAccepted: boolean;
  stop: "no" | "stop" | "abort";
}

const RETRY_MS = 5_000;

/** People who submit and stop runs, and who ask again when they get no answer. */
export class Users {
  readonly runs = new Map<string, WantedRun>();
  readonly #world: World;
  readonly #coordinator: SimCoordinator;
  readonly #onBug: (what: string) => void;

  constructor(world: World, coordinator: SimCoordinator, onBug: (what: string) => void) {
    this.#world = world;
    this.#coordinator = coordinator;
    this.#onBug = onBug;
  }

  submit(): void {
    const { random } = this.#world;
    const name = `run-${this.runs.size}`;
    const configuration = {
      type: "task",
      commands: ["true"],
      ...(random.chance(0.25) ? { nodes: 2 + random.below(2) } : {}),
      ...(random.chance(0.3) ? { resources: { cpu: `${random.pick([1, 4, 8]) ?? 1}..` } } : {}),
      ...(random.chance(0.2) ? { max_duration: 5 + random.below(120) } : {}),
      ...(random.chance(0.5) ? { retry: this.#retry() } : {}),
      ...(random.chance(0.2) ? { priority: random.below(101) } : {}),
    };
    const run: WantedRun = { name, configuration, isAccepted: false, stop: "no" };
    this.runs.set(name, run);
    this.#world.note(`user submits ${name} ${JSON.stringify(configuration)}`);
    this.#again(() => this.#submit(run));
  }

  stop(run: WantedRun, abort: boolean): void {
    if (!run.isAccepted || (run.stop !== "no" && !abort)) return;
    run.stop = abort ? "abort" : "stop";
    this.#world.note(`user ${run.stop}s ${run.name}`);
    this.#again(async () => {
      const id = await this.#find(run.name);
      if (id === undefined) this.#onBug(`${run.name} was accepted, and is not there`);
      else await this.#coordinator.call(({ engine }) => engine.stopRun(id, abort));
    });
  }

  #retry(): unknown {
    const { random } = this.#world;
    const events = ["no-capacity", "interruption", "error"].filter(() => random.chance(0.6));
    return random.chance(0.3) || events.length === 0
      ? true
      : { on_events: events, duration: `${1 + random.below(10)}m` };
  }

  async #submit(run: WantedRun): Promise<void> {
    if ((await this.#find(run.name)) === undefined)
      await this.#coordinator.call((parts) => parts.submit(run.name, run.configuration));
    run.isAccepted = true;
  }

  async #find(name: string): Promise<string | undefined> {
    const [found] = await this.#coordinator.call(() =>
      this.#coordinator.look(`SELECT id FROM runs WHERE name = '${name}'`),
    );
    return found && String(found[0]);
  }

  #again(ask: () => Promise<void>): void {
    ask().catch(() => this.#world.after(RETRY_MS, () => this.#again(ask)));
  }
}
