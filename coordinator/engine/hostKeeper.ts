import type { Clock } from "../../shared/clock.ts";
import { AppError } from "../../shared/errors.ts";
import type { Logger } from "../../shared/log.ts";
import type { InstanceReason } from "../../shared/states.ts";
import { withPin } from "../../shared/tls/pinnedToken.ts";
import { agentEnvOf } from "../domain/fleets/agentEnv.ts";
import { openSecrets } from "../domain/fleets/sshSecrets.ts";
import type { CarriedLinks } from "../hosts/carriedLinks.ts";
import { LoginSlots } from "../hosts/loginSlots.ts";
import type { BringIn, HostTarget } from "../hosts/target.ts";
import type { Db } from "../store/db.ts";
import type { TellEvents } from "../store/events.ts";
import { findFleet } from "../store/fleets.ts";
import { findInstance, type InstanceRow, listLiveInstances } from "../store/instances.ts";
import { insertJoinToken } from "../store/joinTokens.ts";
import type { SecretBox } from "../store/secretBox.ts";
import { findSshHost } from "../store/sshHosts.ts";
import type { SshInstance } from "../store/sshInstance.ts";
import { hashToken, newToken } from "../store/tokens.ts";
import type { CoordinatorTrust } from "../tls/tls.ts";
import type { AgentSessions } from "./agentSessions.ts";
import type { Capacity } from "./capacity.ts";
import { holdCarried, isCarried, textOf } from "./carriedHosts.ts";
import { noteHost, patchOf, settleHost } from "./comingHosts.ts";
import type { Engine } from "./engine.ts";

export interface HostKeeperDeps {
  db: Db;
  tell: TellEvents;
  clock: Clock;
  log: Logger;
  box: SecretBox;
  capacity: Capacity;
  agents: AgentSessions;
  engine: Pick<Engine, "updateInstance">;
  /** Where hosts find the coordinator. */
  url: () => string;
  /** By what they know it; absent: they do anyway. */
  trust?: () => Pick<CoordinatorTrust, "fingerprint">;
  bringIn: BringIn;
  links: CarriedLinks;
  /** From when a host was made until it is given up. */
  patienceMs: number;
  withFleet<T>(fleetId: string, work: () => Promise<T>): Promise<T>;
}

/** Between two tries. */
const FIRST_PAUSE_MS = 5_000;
const LONGEST_PAUSE_MS = 30_000;

/** From the agent's start to its first word. */
const ARRIVAL_MS = 60_000;

/** From when a host is taken out until its link is: an agent asks again within seconds. */
const FAREWELL_MS = 10_000;

/** A token outlives the last try, and no more. */
const TOKEN_SPARE_MS = 120_000;

interface Coming {
  leaving: AbortController;
  arrived: PromiseWithResolvers<void>;
  done: Promise<void>;
}

/**
 * Brings hosts of SSH fleets in, many at a time, and forgets what opens them once they are (docs/adr/0019-ssh-fleets.md). All that
 * is to be done follows from the rows: a `pending` one with an address is tried again until its time is over.
 */
export class HostKeeper {
  readonly #deps: HostKeeperDeps;
  readonly #coming = new Map<string, Coming>();
  /** Said to a host that enrolled and may not stay; no other try will end otherwise. */
  readonly #refusals = new Map<string, AppError>();
  readonly #slots = new LoginSlots();
  #isOpen = false;

  constructor(deps: HostKeeperDeps) {
    this.#deps = deps;
  }

  /** Goes on with every host that is on its way. */
  async start(): Promise<void> {
    this.#isOpen = true;
    for (const { instance } of await listLiveInstances(this.#deps.db)) {
      if (instance.ssh && instance.status === "pending") this.take(instance.id);
      else if (isCarried(instance)) await holdCarried(this.#deps, instance);
    }
  }

  /** Leaves all as it is; the next start goes on. */
  async close(): Promise<void> {
    this.#isOpen = false;
    const all = [...this.#coming.values()];
    for (const { leaving } of all) leaving.abort(new Error("The coordinator stops"));
    await Promise.all(all.map(({ done }) => done));
    await this.#deps.links.close();
  }

  /** Begins with a host, unless it is at it. */
  take(instanceId: string): void {
    if (!this.#isOpen || this.#coming.has(instanceId)) return;
    const coming: Coming = {
      leaving: new AbortController(),
      arrived: Promise.withResolvers(),
      done: Promise.resolve(),
    };
    this.#coming.set(instanceId, coming);
    coming.done = this.#bring(instanceId, coming).finally(() => {
      this.#coming.delete(instanceId);
      this.#refusals.delete(instanceId);
    });
  }

  /** It is nobody's any more: a login that is under way ends. */
  drop(instanceId: string): void {
    this.#coming.get(instanceId)?.leaving.abort(new Error("The host was taken out of its fleet"));
    // Its agent hears by the same way that it is in no fleet any more, and ends.
    this.#deps.clock.after(FAREWELL_MS, () => void this.#deps.links.drop(instanceId));
  }

  /** An agent wanted to enroll as this host, and may not. */
  refuse(instanceId: string, refusal: AppError): void {
    this.#refusals.set(instanceId, refusal);
  }

  /** The agent of a host that is on its way has called for the first time. */
  async arrive({ id, fleet_id: fleetId }: InstanceRow): Promise<void> {
    await this.#deps.withFleet(fleetId, async () => {
      const row = await findInstance(this.#deps.db, id);
      if (row?.ssh && row.status === "pending" && !row.deleted)
        await settleHost(this.#deps, row, { to: "idle" });
    });
    this.#coming.get(id)?.arrived.resolve();
  }

  async #bring(id: string, coming: Coming): Promise<void> {
    const { clock, log } = this.#deps;
    const { signal } = coming.leaving;
    let pauseMs = FIRST_PAUSE_MS;
    while (!signal.aborted) {
      try {
        const leftMs = await this.#round(id, coming);
        if (leftMs === "over") return;
        await pause(clock, { ms: Math.min(pauseMs, leftMs), signal });
      } catch (err) {
        if (signal.aborted) return;
        // Nothing is known to be wrong with the host: a full disk here, a database out of reach.
        log.error("Bringing a host in failed, and is tried again", { instance_id: id, err });
        await pause(clock, { ms: pauseMs, signal });
      }
      pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
    }
  }

  /** One try; answers how long the host may be tried yet, or that there is no more to do. */
  async #round(id: string, coming: Coming): Promise<number | "over"> {
    const { db, clock, log, patienceMs } = this.#deps;
    const row = await findInstance(db, id);
    if (!row?.ssh || row.deleted || row.status !== "pending") return "over";
    // The clock may have been put back: nobody waits longer than from now on.
    const leftMs = () => Math.min(row.created_at + patienceMs - clock.now(), patienceMs);
    // However late this process has started: once it is tried.
    if (leftMs() <= 0 && row.ssh.attempts > 0) {
      const message = row.ssh.error ?? "No try has come to an end";
      await this.#giveUp(row, { reason: "provisioning_timeout", message });
      return "over";
    }
    const failure = await this.#try(row, row.ssh, coming).then(
      () => undefined,
      (err: unknown) => err,
    );
    if (failure === undefined) return "over";
    const refusal = this.#refusals.get(id) ?? failure;
    if (!(refusal instanceof AppError) || coming.leaving.signal.aborted) throw failure;
    const message = textOf(refusal);
    log.warn("A host could not be brought in", { instance: row.name, hostname: row.ssh.hostname, message });
    if (refusal.code === "unavailable") {
      await noteHost(this.#deps, id, { error: message, step: "waiting" });
      return Math.max(0, leftMs());
    }
    await this.#giveUp(row, { reason: "error", message });
    return "over";
  }

  async #try(row: InstanceRow, ssh: SshInstance, coming: Coming): Promise<void> {
    const { signal } = coming.leaving;
    // Of an earlier try: it has the port on the host that this one asks for.
    await this.#deps.links.drop(row.id);
    await this.#slots.run(ssh.jump, signal, () => this.#install(row, ssh, signal));
    const installed = await findInstance(this.#deps.db, row.id);
    if (installed && isCarried(installed) && !signal.aborted) await holdCarried(this.#deps, installed);
    await this.#waitForArrival(coming);
  }

  async #install(row: InstanceRow, ssh: SshInstance, signal: AbortSignal): Promise<void> {
    const { db, box, bringIn, clock, patienceMs, url, trust } = this.#deps;
    const [host, fleet] = await Promise.all([findSshHost(db, row.id), findFleet(db, row.fleet_id)]);
    if (!host?.secrets_sealed || !fleet) throw new Error(`Host ${row.id} has nothing that opens it`);
    const secrets = openSecrets(box, host.secrets_sealed);
    const secret = newToken("join-");
    await noteHost(this.#deps, row.id, { step: "connecting", attempts: ssh.attempts + 1 });
    await insertJoinToken(db, {
      id: crypto.randomUUID(),
      project_id: row.project_id,
      fleet_id: row.fleet_id,
      token_hash: hashToken(secret),
      created_at: clock.now(),
      expires_at: Math.max(row.created_at + patienceMs, clock.now()) + TOKEN_SPARE_MS,
      uses_left: null,
      instance_id: row.id,
    });
    const { hostname, port, user, jump } = ssh;
    const target: HostTarget = {
      login: { hostname, port, user, key: secrets.key, knownKey: ssh.host_key },
      jump: jump && { ...jump, key: secrets.jumpKey ?? secrets.key, knownKey: ssh.jump_host_key },
      sudoPassword: secrets.sudoPassword,
      url: url(),
      token: withPin(secret, trust?.().fingerprint),
      carriedPort: ssh.carried_port ?? null,
      env: agentEnvOf(fleet.spec.configuration.env),
    };
    await bringIn(target, { note: (progress) => noteHost(this.#deps, row.id, patchOf(progress)), signal });
    await noteHost(this.#deps, row.id, { step: "starting" });
  }

  async #waitForArrival({ arrived, leaving }: Coming): Promise<void> {
    const { promise: late, reject } = Promise.withResolvers<never>();
    const cancel = this.#deps.clock.after(ARRIVAL_MS, () =>
      reject(
        new AppError("unavailable", "starting: the agent was installed, and has not called since", {
          hint: "Look there with `dstack-agent status`, and into its log: `journalctl -u dstack-agent`",
        }),
      ),
    );
    const stop = () => reject(leaving.signal.reason as Error);
    leaving.signal.addEventListener("abort", stop, { once: true });
    try {
      await Promise.race([arrived.promise, late]);
    } finally {
      cancel();
      leaving.signal.removeEventListener("abort", stop);
    }
  }

  #giveUp(row: InstanceRow, end: { reason: InstanceReason; message: string }): Promise<void> {
    return this.#deps.withFleet(row.fleet_id, async () => {
      const current = await findInstance(this.#deps.db, row.id);
      if (current?.ssh && current.status === "pending" && !current.deleted)
        await settleHost(this.#deps, current, { to: "terminated", ...end });
    });
  }
}

/** Resolves early where the signal aborts. */
const pause = (clock: Clock, { ms, signal }: { ms: number; signal: AbortSignal }): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const end = () => {
      cancel();
      signal.removeEventListener("abort", end);
      resolve();
    };
    const cancel = clock.after(ms, end);
    signal.addEventListener("abort", end, { once: true });
  });
