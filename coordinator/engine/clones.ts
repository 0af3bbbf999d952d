import type { SyncRequest } from "../../shared/protocol/sync.ts";
import { CORDONED_BY } from "../domain/instances/closed.ts";
import type { InstanceRow } from "../store/instances.ts";

/** One start of a host, as its agent tells it. */
interface Origin {
  session: string;
  start: number;
  bootId: string;
  hostname: string;
  /** The highest that came. */
  sequence: number;
  /** When it was last heard. */
  lastAt: number;
}

interface Identity {
  current: Origin;
  /** Since when another start of the host has counted. */
  since: number;
  /** `news`: what it said that it had not said before the current one came; `isAnswered`: the current one has since. */
  other: (Origin & { news: number; isAnswered: boolean }) | undefined;
}

/** So many requests that an earlier start of a host cannot have left on the way: it has one at a time. */
const ENOUGH_NEWS = 2;
/** Silent for so long, the other host is taken as gone. */
const GONE_MS = 10 * 60_000;
/** How long the other one may take to ask again. */
const UNSETTLED_MS = 2 * 60_000;

/**
 * Finds hosts that share an identity: a disk that was copied after its agent had joined. An agent that is started again
 * is another session of the same start of its host, and one whose host was started again never speaks of before. So two
 * starts that both go on asking are two hosts.
 */
export class Clones {
  readonly #startedAt: number;
  readonly #identities = new Map<string, Identity>();

  constructor(now: number) {
    this.#startedAt = now;
  }

  /**
   * Notes a sync. `two`: there are two hosts; `unsure`: there may be, and what comes next tells; `begun`: another start
   * of the host counts from now on; `one`: as far as is known there is one.
   */
  note(instance: InstanceRow, sync: SyncRequest, now: number): "one" | "begun" | "unsure" | "two" {
    const known = this.#identities.get(instance.id);
    const origin = originOf(instance, sync, now);
    if (!known) {
      this.#identities.set(instance.id, {
        current: origin,
        since: Number.NEGATIVE_INFINITY,
        other: undefined,
      });
      return "one";
    }
    const { current, other } = known;
    if (current.bootId === sync.boot_id) {
      if (current.session !== sync.session && isLater(origin, current)) known.current = origin;
      else if (current.session === sync.session) {
        current.sequence = Math.max(current.sequence, sync.sequence);
        current.lastAt = now;
      }
      if (other && other.news > 0) other.isAnswered = true;
      return isTwo(other, now) ? "two" : "one";
    }
    const isNew = other?.session !== sync.session;
    const isGone = now - current.lastAt > UNSETTLED_MS;
    if (!isTwo(other, now) && (isGone || (isNew && isLater(origin, current)))) {
      known.other = { ...current, news: 0, isAnswered: false };
      known.current = origin;
      known.since = now;
      return "begun";
    }
    const speaker = isNew ? { ...origin, sequence: -1, news: 0, isAnswered: false } : other;
    known.other = speaker;
    if (sync.sequence > speaker.sequence) {
      speaker.sequence = sync.sequence;
      speaker.news++;
      speaker.lastAt = now;
    }
    return isTwo(speaker, now) ? "two" : "unsure";
  }

  /** Another start has just taken the place of one that was heard until then: the sooner both ask again, the better. */
  isWatched(instanceId: string, now: number): boolean {
    const { since, other } = this.#identities.get(instanceId) ?? {};
    if (since === undefined || !other || now - since > UNSETTLED_MS) return false;
    return since - other.lastAt < UNSETTLED_MS;
  }

  /**
   * Whether what a host does not name is lost: not while another one may have it. After a restart of the coordinator
   * (`isOlder`: the job is of before) it is not known yet who will speak.
   */
  isSettled({ id, cordon }: InstanceRow, { now, isOlder }: { now: number; isOlder: boolean }): boolean {
    if (cordon?.by === CORDONED_BY) return false;
    if (isOlder && now - this.#startedAt < UNSETTLED_MS) return false;
    return now - (this.#identities.get(id)?.since ?? Number.NEGATIVE_INFINITY) > UNSETTLED_MS;
  }

  /** What is wrong, for people, and what to do about it. */
  describe(instanceId: string): string {
    const { current, other } = this.#identities.get(instanceId) ?? {};
    const hosts = [other, current].flatMap((host) =>
      host ? [`${host.hostname} (boot ${host.bootId})`] : [],
    );
    return `two hosts have this identity: ${hosts.join(" and ")}; join one of them anew with a token (dstack-agent leave, dstack-agent join), then uncordon this one`;
  }
}

/** By the agent's own count, which is kept on the disk; where it is the same, the one that begins. */
const isLater = (one: Origin, other: Origin): boolean =>
  one.start > other.start || (one.start === other.start && one.sequence === 0);

const isTwo = (other: Identity["other"], now: number): boolean =>
  other !== undefined && other.news >= ENOUGH_NEWS && other.isAnswered && now - other.lastAt < GONE_MS;

const originOf = (instance: InstanceRow, sync: SyncRequest, now: number): Origin => ({
  session: sync.session,
  start: sync.start ?? 0,
  bootId: sync.boot_id,
  hostname: sync.inventory?.hostname ?? instance.inventory.hostname,
  sequence: sync.sequence,
  lastAt: now,
});
