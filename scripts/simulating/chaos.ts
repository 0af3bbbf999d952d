import type { SimCoordinator } from "./coordinator.ts";
import type { Likelihoods } from "./faults.ts";
import type { SimHost } from "./host.ts";
import type { Machines } from "./machines.ts";
import type { Users } from "./users.ts";
import type { Life, World } from "./world.ts";

export interface ChaosOptions {
  world: World;
  faults: Likelihoods;
  coordinator: SimCoordinator;
  machines: Machines;
  users: Users;
  mostHosts: number;
  mostRuns: number;
}

/** An agent is started again by its host soon; a host may stay off, and an agent dead. */
const MAX_RESTART_MS = 5_000;
const MAX_OFF_MS = 120_000;
const MAX_DEATH_MS = 600_000;

/** How far a clock is put forward or back: a little, as by NTP, or far, as by a machine that was started without one. */
const SMALL_SKEW_MS = 3_000;
const LARGE_SKEW_MS = 5 * 3_600_000;

/** How much likelier faults are that are drawn once for all that may have them, each time that something happens. */
const RATE = 8;

const NATURE: Life = { name: "nature", alive: true, machine: { skewMs: 0 } };

/** What users do, and what goes wrong meanwhile. */
export class Chaos {
  readonly #options: ChaosOptions;
  #isOver = false;

  constructor(options: ChaosOptions) {
    this.#options = options;
  }

  /** From now on, until it is ended. */
  begin(): void {
    this.#options.world.after(0, () => this.#tick(), NATURE);
  }

  end(): void {
    this.#isOver = true;
  }

  /** The worst moment for a host: it has just been given a job, and nobody knows that it has it. */
  atGift(host: SimHost): void {
    const { world, coordinator, machines } = this.#options;
    const { random } = world;
    host.cut(random.skewed(30_000, 400_000));
    if (random.chance(0.2)) coordinator.crash();
    if (random.chance(0.2)) this.#jump(coordinator);
    if (random.chance(0.2)) this.#jump(host);
    if (!random.chance(0.2)) return;
    if (random.chance(0.5)) host.kill();
    else host.switchOff();
    machines.restart(host, MAX_RESTART_MS);
  }

  /** Somebody starts a coordinator that is down, sooner or later. */
  keepUp(): void {
    const { world, coordinator } = this.#options;
    const revive = () => {
      if (!coordinator.life.alive) coordinator.start();
    };
    if (!coordinator.life.alive) world.after(world.random.skewed(100, 30_000), revive, NATURE);
  }

  #tick(): void {
    const { world, coordinator } = this.#options;
    if (this.#isOver) return;
    this.#disturb();
    this.keepUp();
    // What should have happened by now may have not.
    coordinator.hasChanged = true;
    world.after(world.random.skewed(50, 20_000), () => this.#tick(), NATURE);
  }

  #disturb(): void {
    const { world, faults, coordinator, machines, users, mostHosts, mostRuns } = this.#options;
    const { random } = world;
    if (users.runs.size < mostRuns && random.chance(0.25)) users.submit();
    const some = random.pick([...users.runs.values()]);
    if (some && random.chance(0.12)) users.stop(some, random.chance(0.4));
    if (some && random.chance(0.05)) users.raise(some, random.below(101));
    const host = random.pick(
      machines.all.filter((one) => !one.isMade && !one.isRemoved && !machines.isTwin(one)),
    );
    if (host && random.chance(0.05)) users.cordon(host, random.chance(0.5));
    if (host && random.chance(0.02)) users.remove(host);
    if (machines.byName.size < mostHosts && random.chance(0.05)) machines.add(coordinator).catch(() => {});
    if (random.chance(faults.crash * RATE)) coordinator.crash();
    if (random.chance(faults.fullDisk * RATE)) coordinator.fillDisk(random.skewed(100, 120_000));
    if (random.chance(faults.clockJump * RATE)) this.#jump(coordinator);
    for (const host of machines.all) if (!host.isRemoved) this.#disturbHost(host);
  }

  #disturbHost(host: SimHost): void {
    const { world, faults, machines } = this.#options;
    const { random } = world;
    if (random.chance(faults.agentCrash * RATE)) {
      host.kill();
      machines.restart(host, MAX_RESTART_MS);
    }
    if (random.chance(faults.agentCrash)) {
      host.stop();
      machines.restart(host, MAX_RESTART_MS);
    }
    // Within the first moment of a claim it would be what the fence cannot see (docs/adr/0014-fence.md).
    if (random.chance(faults.agentDeath * RATE) && !host.hasUnconfirmed) {
      host.kill();
      host.isAbandoned = true;
      machines.startAfter(host, MAX_DEATH_MS * random.next());
    } else if (!host.isUp && !host.isAbandoned) machines.restart(host, MAX_RESTART_MS);
    if (random.chance(faults.reboot * RATE)) {
      host.switchOff();
      machines.restart(host, MAX_OFF_MS);
    }
    if (random.chance(faults.clockJump * RATE)) this.#jump(host);
    if (random.chance(faults.clone * RATE)) machines.clone(host);
    if (random.chance(faults.fullHostDisk * RATE)) host.fillDisk(random.skewed(100, 60_000));
    if (random.chance(faults.partition * RATE))
      host.cut(random.chance(0.5) ? random.skewed(100, 400_000) : 400_000 * random.next());
  }

  #jump({ machine }: { machine: { skewMs: number } }): void {
    const { world } = this.#options;
    const most = world.random.chance(0.5) ? SMALL_SKEW_MS : LARGE_SKEW_MS;
    machine.skewMs = (world.random.next() * 2 - 1) * most;
    world.note(`a clock is ${Math.round(machine.skewMs)} ms off`);
  }
}
