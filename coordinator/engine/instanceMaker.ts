import type { Clock } from "../../shared/clock.ts";
import { AppError, messageOf } from "../../shared/errors.ts";
import type { Logger } from "../../shared/log.ts";
import { withPin } from "../../shared/tls/pinnedToken.ts";
import type { Backend } from "../domain/fleets/backend.ts";
import { offersForFleet } from "../domain/fleets/fleetOffers.ts";
import type { InstanceEvent } from "../domain/instances/madeInstanceRules.ts";
import { type Db, writeAll } from "../store/db.ts";
import type { FleetRow } from "../store/fleets.ts";
import { type InstanceRow, patchInstance } from "../store/instances.ts";
import { insertJoinToken } from "../store/joinTokens.ts";
import type { MadeInstance, MadeOffer } from "../store/madeInstance.ts";
import { hashToken, newToken } from "../store/tokens.ts";
import type { CoordinatorTrust } from "../tls/tls.ts";
import type { Engine } from "./engine.ts";

interface InstanceMakerDeps {
  db: Db;
  clock: Clock;
  log: Logger;
  backends: readonly Backend[];
  url: () => string;
  /** By what they know it; absent: they do anyway. */
  trust?: () => Pick<CoordinatorTrust, "fingerprint">;
  engine: Pick<Engine, "updateInstance">;
  tell: (instance: InstanceRow, event: InstanceEvent) => Promise<void>;
  wake: (fleetId: string) => void;
}

/** How many offers are tried for one instance (docs/spec/lifecycle.md §2.4). */
const MOST_OFFERS_TRIED = 25;

/** Of what backends say: enough for people to understand. */
const MOST_ERRORS_TOLD = 3;
const LONGEST_ERROR = 200;

/** How long after a talk that failed by itself (a full disk, a database out of reach) there is another. */
const TALK_AGAIN_MS = 5_000;

/** Longer than an instance may take until its agent enrolls. */
const JOIN_TOKEN_TTL_MS = 3_600_000;

/**
 * Talks to backends about made instances, one conversation for each at a time, beside everything else. What comes of it
 * is told as an event; what is not told, because this process ends, is asked for again by the next one.
 */
export class InstanceMaker {
  readonly #deps: InstanceMakerDeps;
  readonly #talks = new Map<string, Promise<void>>();
  /** What else was to be said of these while they were talked about. */
  readonly #missed = new Set<string>();
  readonly #again = new Set<() => void>();
  /** Before, nobody would hear the agents; afterwards, nobody would hear the backends. */
  #isOpen = false;

  constructor(deps: InstanceMakerDeps) {
    this.#deps = deps;
  }

  async listOffers(): Promise<MadeOffer[]> {
    return (await Promise.all(this.#deps.backends.map((backend) => backend.listOffers()))).flat();
  }

  open(): void {
    this.#isOpen = true;
  }

  isTalkedAbout(instanceId: string): boolean {
    return this.#talks.has(instanceId);
  }

  /** Waits for the talks under way; begins no other. */
  async close(): Promise<void> {
    this.#isOpen = false;
    for (const cancel of this.#again) cancel();
    await Promise.all(this.#talks.values());
  }

  /** Begins what the status of each instance asks for, and is not under way. */
  attend(fleet: FleetRow, rows: readonly InstanceRow[]): void {
    const now = this.#deps.clock.now();
    const master = rows.find(({ id }) => id === fleet.master_id);
    const isCluster = fleet.spec.configuration.placement === "cluster";
    for (const row of rows) {
      const { made, status } = row;
      if (!made) continue;
      // In a cluster the master's place is everybody's, so that the others wait until it has one.
      const waitsForMaster = isCluster && row !== master && (!master || master.status === "pending");
      if (status === "pending" && !waitsForMaster)
        this.#talk(row, () => this.#make(fleet, row, row === master ? undefined : master));
      const isUnheard = status === "provisioning" || (row.unreachable && status !== "terminating");
      if (isUnheard) this.#talk(row, () => this.#look(row, made));
      if (status === "terminating" && (row.wake_at ?? 0) <= now) this.#talk(row, () => this.#end(row, made));
    }
  }

  #talk(row: InstanceRow, talk: () => Promise<InstanceEvent | undefined>): void {
    const { log, tell, wake } = this.#deps;
    if (!this.#isOpen) return;
    if (this.#talks.has(row.id)) {
      this.#missed.add(row.id);
      return;
    }
    const done = talk()
      .then(async (event) => {
        // What is not told now is found out again after the next start.
        if (event && this.#isOpen) await tell(row, event);
      })
      .catch((err: unknown) => {
        log.error("Talking to a backend about an instance failed, and is tried again", {
          instance_id: row.id,
          err,
        });
        this.#wakeLater(row.fleet_id);
      })
      .finally(() => {
        // Not before what came of it is stored: another talk would begin from what was.
        this.#talks.delete(row.id);
        if (this.#missed.delete(row.id) && this.#isOpen) wake(row.fleet_id);
      });
    this.#talks.set(row.id, done);
  }

  #wakeLater(fleetId: string): void {
    if (!this.#isOpen) return;
    const cancel = this.#deps.clock.after(TALK_AGAIN_MS, () => {
      this.#again.delete(cancel);
      this.#deps.wake(fleetId);
    });
    this.#again.add(cancel);
  }

  async #make(fleet: FleetRow, row: InstanceRow, master: InstanceRow | undefined): Promise<InstanceEvent> {
    const { db, clock, url, trust, log, engine } = this.#deps;
    const beside = master?.made?.offer;
    const forJob = row.made?.for_job;
    const offers = (forJob ?? offersForFleet(await this.listOffers(), fleet.spec))
      .filter(({ driver, region }) => !beside || (driver === beside.driver && region === beside.region))
      .slice(0, MOST_OFFERS_TRIED);
    const errors = new Set<string>();
    for (const offer of offers) {
      const token = newToken("join-");
      await writeAll(db, [
        patchInstance(db, row.id, { made: { ...row.made, offer, data: null } }),
        insertJoinToken(db, {
          id: crypto.randomUUID(),
          project_id: row.project_id,
          fleet_id: row.fleet_id,
          token_hash: hashToken(token),
          created_at: clock.now(),
          expires_at: clock.now() + JOIN_TOKEN_TTL_MS,
          uses_left: null,
          instance_id: row.id,
        }),
      ]);
      try {
        const request = {
          id: row.id,
          name: row.name,
          offer,
          url: url(),
          token: withPin(token, trust?.().fingerprint),
        };
        const data = await this.#backend(offer).make(request);
        const made = { ...row.made, offer, data };
        await writeAll(db, [patchInstance(db, row.id, { made })]);
        engine.updateInstance(row.id, { made });
        return { kind: "accepted" };
      } catch (err) {
        if (!(err instanceof AppError)) throw err;
        log.warn("A backend has refused an instance", { name: row.name, reason: err.message });
        errors.add(err.message.slice(0, LONGEST_ERROR));
      }
    }
    const told = [...errors].slice(0, MOST_ERRORS_TOLD).join("; ");
    return { kind: "no_offers", message: told === "" ? "No backend has such an instance" : told };
  }

  async #look({ id }: InstanceRow, { offer, data }: MadeInstance): Promise<InstanceEvent | undefined> {
    if (!offer || (await this.#backend(offer).isThere(id, data))) return undefined;
    return { kind: "gone", message: "The backend says that the instance is gone" };
  }

  async #end({ id, name }: InstanceRow, { offer, data }: MadeInstance): Promise<InstanceEvent> {
    try {
      if (offer) await this.#backend(offer).end(id, data);
      return { kind: "ended" };
    } catch (err) {
      this.#deps.log.error("An instance could not be ended, and is tried again", { name, err });
      return { kind: "not_ended", message: `Cannot be ended: ${messageOf(err).slice(0, LONGEST_ERROR)}` };
    }
  }

  #backend({ driver }: MadeOffer): Backend {
    const backend = this.#deps.backends.find(({ name }) => name === driver);
    if (backend) return backend;
    throw new AppError("unavailable", `The backend "${driver}" is not configured any more`);
  }
}
