import type { Logger } from "../../shared/log.ts";
import type { SyncRequest } from "../../shared/protocol/sync.ts";
import type { UpgradeOffer } from "../../shared/protocol/upgrade.ts";
import type { AgentReleases } from "../releases/agentReleases.ts";
import type { InstanceRow } from "../store/instances.ts";
import type { Capacity } from "./capacity.ts";

export interface RolloutDeps {
  releases: AgentReleases;
  capacity: Pick<Capacity, "listAll">;
  log: Logger;
  isOn: boolean;
}

/** Of all hosts, so many may be taking a release at the same time, once one host runs it. */
const SHARE_AT_ONCE = 0.1;
/** A host that has not come back as the release by then counts as one on which it failed. */
const LONGEST_MS = 15 * 60_000;
/** So many failures, if they are more than a tenth of all that tried it, stop the rollout. */
const FAILURES = 2;
const SHARE_OF_FAILURES = 0.1;

/**
 * Which agents are offered the release that lies beside the coordinator, and when: one first, then a tenth of the hosts
 * at a time, and nobody any more where it has failed on several. Kept in memory: a coordinator that starts again begins
 * with one host again. A release that is put in its place, older ones too, begins anew.
 */
export class Rollout {
  readonly #deps: RolloutDeps;
  #of = "";
  readonly #taking = new Map<string, number>();
  readonly #running = new Set<string>();
  readonly #failed = new Set<string>();

  constructor(deps: RolloutDeps) {
    this.#deps = deps;
  }

  /** What the agent that sends this sync is to run instead of what it is; `steadyNow`: of a clock that never jumps. */
  async offerFor(
    { id, name }: Pick<InstanceRow, "id" | "name">,
    { upgrade, agent_version: current }: Pick<SyncRequest, "upgrade" | "agent_version">,
    steadyNow: number,
  ): Promise<UpgradeOffer | undefined> {
    const { isOn, releases, log } = this.#deps;
    if (!isOn || !upgrade) return undefined;
    const offer = await releases.find(upgrade.target);
    if (!offer) return undefined;
    this.#begin(offer.version);
    if (current === offer.version) {
      if (this.#taking.delete(id))
        log.info("A host runs the agent that it was offered", { name, version: current });
      this.#running.add(id);
      return undefined;
    }
    if (upgrade.state === "failed" && upgrade.version === offer.version) {
      this.#fail({ id, name }, upgrade.message ?? "");
      return undefined;
    }
    if (upgrade.state !== "ready" && upgrade.state !== "working" && upgrade.state !== "failed")
      return undefined;
    for (const [other, since] of this.#taking)
      if (steadyNow - since > LONGEST_MS) this.#fail({ id: other, name: other }, "It did not come back");
    if (!this.#taking.has(id)) {
      if (this.#failed.has(id) || !this.#hasRoom()) return undefined;
      this.#taking.set(id, steadyNow);
      log.info("A host is offered another agent", { name, from: current, to: offer.version });
    }
    return offer;
  }

  #begin(version: string): void {
    if (version === this.#of) return;
    this.#of = version;
    for (const hosts of [this.#taking, this.#running, this.#failed]) hosts.clear();
  }

  #fail({ id, name }: { id: string; name: string }, reason: string): void {
    this.#taking.delete(id);
    if (this.#failed.has(id)) return;
    this.#failed.add(id);
    this.#deps.log.warn("A host does not run the agent that it was offered", {
      name,
      version: this.#of,
      reason,
      ...(this.#isStopped() ? { rollout: "stopped: it has failed on several hosts" } : {}),
    });
  }

  #isStopped(): boolean {
    const tried = this.#failed.size + this.#running.size;
    return this.#failed.size >= FAILURES && this.#failed.size > tried * SHARE_OF_FAILURES;
  }

  #hasRoom(): boolean {
    if (this.#isStopped()) return false;
    const atOnce =
      this.#running.size === 0
        ? 1
        : Math.max(1, Math.floor(this.#deps.capacity.listAll().length * SHARE_AT_ONCE));
    return this.#taking.size < atOnce;
  }
}
