import { removeInstance } from "../../coordinator/domain/fleets/deleteFleets.ts";
import { type FleetRow, findFleet, insertFleet } from "../../coordinator/store/fleets.ts";
import { findInstance } from "../../coordinator/store/instances.ts";
import { patchRun } from "../../coordinator/store/runs.ts";
import { AppError } from "../../shared/errors.ts";
import type { SimCoordinator } from "./coordinator.ts";
import type { SimHost } from "./host.ts";
import { configurationOf, drawRunPlan, type RunPlan } from "./runPlan.ts";
import type { World } from "./world.ts";

/** What somebody asked for, and whether they were told that it is so. */
export interface WantedRun {
  name: string;
  plan: RunPlan;
  isAccepted: boolean;
  stop: "no" | "stop" | "abort";
}

const RETRY_MS = 5_000;
const ACTOR = "00000000-0000-4000-8000-000000000003";

/** People who submit and stop runs, and who ask again when they get no answer. */
export class Users {
  readonly runs = new Map<string, WantedRun>();
  readonly #world: World;
  readonly #coordinator: SimCoordinator;
  readonly #onBug: (what: string) => void;
  #unanswered = 0;

  constructor(world: World, coordinator: SimCoordinator, onBug: (what: string) => void) {
    this.#world = world;
    this.#coordinator = coordinator;
    this.#onBug = onBug;
  }

  /** Has everybody who asked for something been told that it is so? */
  get isAnswered(): boolean {
    return this.#unanswered === 0;
  }

  applyFleet(row: FleetRow): void {
    this.#again(() =>
      this.#coordinator.call(({ fleets, db }) =>
        fleets.withFleet(row.id, async () => {
          if (!(await findFleet(db, row.id))) await insertFleet(db, row);
        }),
      ),
    );
  }

  submit(): void {
    const name = `run-${this.runs.size}`;
    const run: WantedRun = { name, plan: drawRunPlan(this.#world.random), isAccepted: false, stop: "no" };
    this.runs.set(name, run);
    this.#world.note(`user submits ${name} ${JSON.stringify(configurationOf(run.plan))}`);
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

  /** Gives a run another priority. */
  raise(run: WantedRun, priority: number): void {
    if (!run.isAccepted) return;
    this.#world.note(`user gives ${run.name} priority ${priority}`);
    this.#again(async () => {
      const id = await this.#find(run.name);
      await this.#coordinator.call(({ engine, db }) =>
        engine.withRun(id ?? "", (draft) =>
          draft.add({ statements: [patchRun(db, id ?? "", { priority })], effects: [] }),
        ),
      );
    });
  }

  /** Keeps new jobs away from a host, or lets them go there again. */
  cordon(host: SimHost, isCordoned: boolean): void {
    this.#world.note(`user ${isCordoned ? "cordons" : "uncordons"} ${host.row.name}`);
    this.#again(() =>
      this.#coordinator.call(async ({ engine, db }) => {
        const row = await findInstance(db, host.row.id);
        const cordon = isCordoned ? { at: 0, by: "user", reason: "" } : null;
        if (row && !row.deleted) await engine.setCordon(row, cordon, ACTOR);
      }),
    );
  }

  /** Takes a host out of its fleet, unless it has jobs; then it is switched off for good. */
  remove(host: SimHost): void {
    this.#world.note(`user removes ${host.row.name}`);
    host.isLeaving = true;
    this.#again(async () => {
      const isGone = await this.#coordinator.call((parts) =>
        removeInstance(parts, host.row, ACTOR).then(
          () => true,
          (err: unknown) => {
            if (err instanceof AppError && err.code === "conflict") return false;
            throw err;
          },
        ),
      );
      host.isLeaving = false;
      if (isGone) host.takeAway();
    });
  }

  async #submit(run: WantedRun): Promise<void> {
    if ((await this.#find(run.name)) === undefined)
      await this.#coordinator.call((parts) => parts.submit(run.name, configurationOf(run.plan)));
    run.isAccepted = true;
  }

  async #find(name: string): Promise<string | undefined> {
    const [found] = await this.#coordinator.call(() =>
      this.#coordinator.look(`SELECT id FROM runs WHERE name = '${name}'`),
    );
    return found && String(found[0]);
  }

  #again(ask: () => Promise<void>): void {
    this.#unanswered++;
    this.#ask(ask);
  }

  #ask(ask: () => Promise<void>): void {
    ask().then(
      () => {
        this.#unanswered--;
      },
      () => this.#world.after(RETRY_MS, () => this.#ask(ask)),
    );
  }
}
