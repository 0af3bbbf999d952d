import { Backoff } from "../../shared/async/backoff.ts";
import type { Clock } from "../../shared/clock.ts";
import { messageOf } from "../../shared/errors.ts";
import type { Logger } from "../../shared/log.ts";
import type { Inventory } from "../../shared/protocol/inventory.ts";
import {
  type AgentUpgrade,
  type Desired,
  type Draining,
  type HeldSubmission,
  SyncAnswer,
  type SyncRequest,
} from "../../shared/protocol/sync.ts";
import type { TrustedAuthorities } from "../../shared/protocol/trust.ts";
import type { UpgradeOffer } from "../../shared/protocol/upgrade.ts";
import { VERSION } from "../../shared/version.ts";
import { callJson, causeOf, codeOf, type LinkOptions } from "./client.ts";
import type { LinkState } from "./linkState.ts";
import type { Nudge } from "./nudge.ts";
import { whyOf } from "./outage.ts";
import { Wake } from "./wake.ts";

const FIRST_WAIT_MS = 45_000;
const LONGEST_WAIT_MS = 50_000;
/** Polls are never made shorter than this for the sake of a proxy. */
const SHORTEST_WAIT_MS = 5_000;
/** Past its own wait the coordinator has a moment to answer before the poll counts as lost. */
const ANSWER_MS = 15_000;
/** What cannot mend itself soon (a revoked host, another protocol) is asked for no more often than this. */
const REFUSED_BACKOFF = { firstMs: 5_000, longestMs: 300_000 };

export interface SyncDeps {
  link: LinkOptions;
  session: string;
  /** How often the agent has been started on this host. */
  start: number;
  bootId: string;
  log: Logger;
  held: () => HeldSubmission[];
  inventory: () => Inventory;
  draining?: () => Draining | undefined;
  upgrade?: () => AgentUpgrade;
  /** Something of the above has changed: the poll that is under way is given up for one that tells it. */
  nudge?: Nudge;
  state?: LinkState;
  /** The time by which this host keeps its promises. */
  clock: Pick<Clock, "steady">;
  onAnswer: (desired: readonly Desired[], sync: AnsweredSync) => void;
  /** Something held is not confirmed yet: the next answer must not wait. */
  isUrgent: () => boolean;
  wantsCredential: () => boolean;
  onOffer?: (offer: UpgradeOffer | undefined) => void;
  /** By which authorities the coordinator is known, and what it says that they are to be. */
  trust?: () => string;
  onTrust?: (told: TrustedAuthorities) => Promise<void>;
  /** The host is to leave its fleet. */
  onLeave?: (wish: NonNullable<SyncAnswer["leave"]>) => void;
  /** Whether a tunnel is wanted. */
  onTunnel?: (isWanted: boolean) => void;
  onCredential: (credential: NonNullable<SyncAnswer["credential"]>) => void;
  /** A poll has failed. */
  onLost?: () => void;
  /** The credential is no longer good: gets another. */
  enrollAgain: (signal: AbortSignal) => Promise<void>;
}

/** Of a sync that was answered: what it told, and moments of the host's steady time. */
interface AnsweredSync {
  held: readonly HeldSubmission[];
  draining: Draining | undefined;
  sentAt: number;
  /** The coordinator has answered no sooner, however long its answer was under way. */
  answeredAt: number;
}

/** Why the loop ended: `fenced`: a newer process of this host's agent has taken over. */
export type SyncEnd = "stopped" | "fenced";

/** The conversation with the coordinator that carries everything it wants; one poll at a time, forever. */
export const runSync = async (deps: SyncDeps, signal: AbortSignal): Promise<SyncEnd> => {
  const { log } = deps;
  const state: PollState = {
    sequence: 0,
    seen: undefined,
    waitMs: FIRST_WAIT_MS,
    longestMs: LONGEST_WAIT_MS,
    sent: undefined,
    isNudged: false,
  };
  const [lost, refused] = [new Backoff(), new Backoff(REFUSED_BACKOFF)];
  const pause = new Wake();
  let isUp: boolean | undefined;
  const said = new Set<string>();
  let hasReenrolled = false;
  while (!signal.aborted) {
    const startedAt = deps.clock.steady();
    // Taken before what is to be said is read, so that no change can slip in between.
    const nudged = deps.nudge?.signal ?? NEVER;
    const cut = AbortSignal.any([signal, nudged]);
    try {
      await poll(deps, state, cut);
      if (isUp !== true) log.info("Connected to the coordinator", { url: deps.link.url });
      said.clear();
      isUp = true;
      deps.state?.up();
      hasReenrolled = false;
      state.longestMs = Math.min(state.longestMs * 1.5, LONGEST_WAIT_MS);
      lost.reset();
      refused.reset();
    } catch (err) {
      if (signal.aborted) break;
      if (nudged.aborted) {
        state.isNudged = true;
        continue;
      }
      deps.onLost?.();
      const code = codeOf(err);
      if (code === "fenced") return "fenced";
      if (code === undefined) log.error("A sync failed in an unforeseen way", { err });
      // One that does not help must not be repeated at once, over and over.
      if (code === "unauthenticated" && !hasReenrolled && (await reenroll(deps, signal))) {
        hasReenrolled = true;
        continue;
      }
      // Some proxies cut what is silent for long: then it is better to be silent for less.
      const silentMs = deps.clock.steady() - startedAt;
      if (code === "unavailable" && silentMs > SHORTEST_WAIT_MS)
        state.longestMs = Math.max(SHORTEST_WAIT_MS, silentMs * 0.8);
      const waitMs = (code === "unavailable" || code === undefined ? lost : refused).next();
      // Each kind once: an outage must not fill the disk with its own report.
      const kind = `${code} ${causeOf(err)}`;
      if (!said.has(kind) || code !== "unavailable")
        log.warn("The coordinator does not answer; jobs go on", whyOf(err));
      said.add(kind);
      isUp = false;
      deps.state?.down(messageOf(err));
      // A coordinator that was restarted has to be told everything, and answers that at once.
      state.sent = undefined;
      state.seen = undefined;
      await pause.wait(cut, waitMs);
    }
  }
  return "stopped";
};

const NEVER = new AbortController().signal;

interface PollState {
  sequence: number;
  seen: SyncRequest["seen"];
  waitMs: number;
  /** What has been seen to get through. */
  longestMs: number;
  /** The poll before this one was given up: what is told now is to be answered at once. */
  isNudged: boolean;
  /** The inventory that the coordinator has, as text. */
  sent: string | undefined;
}

const poll = async (deps: SyncDeps, state: PollState, signal: AbortSignal): Promise<void> => {
  const held = deps.held();
  const inventory = deps.inventory();
  const draining = deps.draining?.();
  const text = JSON.stringify(inventory);
  // Whoever has seen nothing is answered at once: then a request that is lost on the way is missed soon.
  const waitMs =
    deps.isUrgent() || !state.seen || state.isNudged
      ? 0
      : Math.round(Math.min(state.waitMs, state.longestMs));
  const json: SyncRequest = {
    agent_version: VERSION,
    boot_id: deps.bootId,
    session: deps.session,
    start: deps.start,
    sequence: state.sequence++,
    held,
    ...(state.seen ? { seen: state.seen } : {}),
    ...(text === state.sent ? {} : { inventory }),
    wait_ms: waitMs,
    ...(deps.wantsCredential() ? { renew_credential: true } : {}),
    ...(draining ? { draining } : {}),
    ...(deps.upgrade ? { upgrade: deps.upgrade() } : {}),
    ...(deps.trust ? { trust: deps.trust() } : {}),
  };
  const timeoutMs = waitMs + ANSWER_MS;
  const sentAt = deps.clock.steady();
  const answer = await callJson(deps.link, { path: "/sync", json, signal, timeoutMs }, SyncAnswer);
  state.sent = text;
  state.isNudged = false;
  state.seen = { epoch: answer.epoch, revision: answer.revision };
  state.waitMs = Math.min(answer.wait_ms, LONGEST_WAIT_MS);
  if (answer.credential) deps.onCredential(answer.credential);
  deps.onOffer?.(answer.upgrade ?? undefined);
  deps.onTunnel?.(answer.tunnel ?? false);
  const waitedMs = answer.waited_ms ?? Number.POSITIVE_INFINITY;
  const answeredAt = Math.min(sentAt + waitedMs, deps.clock.steady());
  deps.onAnswer(answer.desired, { held, draining, sentAt, answeredAt });
  if (answer.leave) deps.onLeave?.(answer.leave);
  if (answer.trust) await deps.onTrust?.(answer.trust);
};

const reenroll = async (deps: SyncDeps, signal: AbortSignal): Promise<boolean> => {
  try {
    await deps.enrollAgain(signal);
    return true;
  } catch (err) {
    deps.log.error("The coordinator refuses this host; jobs go on", {
      reason: messageOf(err),
      hint: "If the host was removed from its fleet, join it again with a new token",
    });
    return false;
  }
};
