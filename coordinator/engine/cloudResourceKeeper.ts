import type { Clock } from "../../shared/clock.ts";
import type { Logger } from "../../shared/log.ts";
import { type Clouds, whyNotMade } from "../domain/backends/clouds.ts";
import { gatewayMoved, volumeMoved } from "../domain/events/cloudResourceEvents.ts";
import { type Db, type Statement, writeAll } from "../store/db.ts";
import type { TellEvents } from "../store/events.ts";
import { type GatewayRow, listNewGateways, moveGateway } from "../store/gateways.ts";
import { listNewVolumes, moveVolume, type VolumeRow } from "../store/volumes.ts";

interface CloudResourceKeeperDeps {
  db: Db;
  tell: TellEvents;
  clock: Clock;
  log: Logger;
  clouds: Clouds;
}

/**
 * Looks after volumes and gateways that were asked for, when there are new ones and at the start. As long as no backend
 * can make them, each of them fails and says why.
 */
export class CloudResourceKeeper {
  readonly #deps: CloudResourceKeeperDeps;
  #running: Promise<void> | undefined;
  #isWoken = false;
  #isClosed = false;

  constructor(deps: CloudResourceKeeperDeps) {
    this.#deps = deps;
  }

  /** There is something new. */
  wake(): void {
    this.#isWoken = true;
    if (this.#isClosed) return;
    this.#running ??= this.#pass()
      .catch((err: unknown) => this.#deps.log.error("Volumes and gateways were not looked after", { err }))
      .finally(() => {
        this.#running = undefined;
      });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#running;
  }

  async #pass(): Promise<void> {
    while (this.#isWoken && !this.#isClosed) {
      this.#isWoken = false;
      const { db } = this.#deps;
      const [volumes, gateways] = await Promise.all([listNewVolumes(db), listNewGateways(db)]);
      await writeAll(db, [
        ...volumes.flatMap((volume) => this.#failVolume(volume)),
        ...gateways.flatMap((gateway) => this.#failGateway(gateway)),
      ]);
    }
  }

  // Each tells of its move only if there was one: it may have been deleted meanwhile.

  #failVolume(volume: VolumeRow): Statement[] {
    const { db, tell, clock, clouds } = this.#deps;
    const message = whyNotMade(clouds, volume.project_id, volume.configuration.backend);
    return [
      moveVolume(db, volume.id, { to: "failed", message, at: clock.now() }),
      ...tell([volumeMoved(volume, "failed", message)], { ifChanged: true }),
    ];
  }

  #failGateway(gateway: GatewayRow): Statement[] {
    const { db, tell, clouds } = this.#deps;
    const message = whyNotMade(clouds, gateway.project_id, gateway.configuration.backend);
    return [
      moveGateway(db, gateway.id, { to: "failed", message }),
      ...tell([gatewayMoved(gateway, "failed", message)], { ifChanged: true }),
    ];
  }
}
