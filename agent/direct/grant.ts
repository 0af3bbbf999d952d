import type { Clock } from "../../shared/clock.ts";
import type { AgentStreamRequest, ClientStreamRequest } from "../../shared/protocol/tunnel.ts";

export type DirectTarget = Extract<AgentStreamRequest["to"], { kind: "direct" }>;
/** Where a stream leads in the end. */
export type JobTarget = Exclude<AgentStreamRequest["to"], { kind: "direct" }>;

/** Without being renewed no grant is good for longer: whoever lost their rights while nobody could say so has lost them. */
export const GRANT_MS = 15 * 60_000;
/** Once the coordinator is back that a grant was of, its owner has so long to be granted it anew. */
export const RENEW_MS = 60_000;

/** For so long after its job's end. */
export const LAST_WORDS_MS = 5_000;
const NOT_RENEWED = "It was not renewed in time";

export interface GrantOptions {
  clock: Clock;
  submissionId: string;
  to: DirectTarget;
  /** Aborted when the job has ended. */
  ended: AbortSignal;
  onOver: (grant: Grant, reason: string) => void;
}

/**
 * What the coordinator allows whoever has the ticket for it: ports and a login of one job. It stands with the stream that
 * it was asked over: when the coordinator ends that one, the grant is over. When the coordinator itself is away (a start,
 * a cut), it stands for the time being.
 */
export class Grant {
  readonly submissionId: string;
  readonly #to: DirectTarget;
  readonly #options: GrantOptions;
  readonly #jobEnded = () => this.#wither();
  #cancel: () => void = () => {};
  #expiresAt = Number.POSITIVE_INFINITY;
  #isOrphaned = false;
  #isWithered = false;
  #isOver = false;

  constructor(options: GrantOptions) {
    this.#options = options;
    this.submissionId = options.submissionId;
    this.#to = options.to;
    this.#expireIn(GRANT_MS, NOT_RENEWED);
    options.ended.addEventListener("abort", this.#jobEnded, { once: true });
  }

  /** It is good for nothing new. */
  get isOver(): boolean {
    return this.#isOver || this.#isWithered;
  }

  /** Where a stream leads that is asked for with it; undefined: it is not for that. */
  find({ submission_id: submissionId, to }: ClientStreamRequest): JobTarget | undefined {
    if (submissionId !== this.submissionId || this.isOver) return undefined;
    const { keys, user } = this.#to.login;
    if (to.kind === "ssh") return { kind: "ssh", keys, user: to.user ?? user };
    return to.kind === "port" && this.#to.ports.includes(to.port) ? to : undefined;
  }

  /** The stream that it stands with is gone because the coordinator is. */
  orphan(): void {
    this.#isOrphaned = true;
  }

  /** The coordinator, or the next one, has been heard of. */
  heard(): void {
    if (!this.#isOrphaned || this.#isOver) return;
    this.#isOrphaned = false;
    this.#expireIn(RENEW_MS, NOT_RENEWED);
  }

  end(reason: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#cancel();
    this.#options.ended.removeEventListener("abort", this.#jobEnded);
    this.#options.onOver(this, reason);
  }

  /** The job has ended: what is open may still bring what was said last. */
  #wither(): void {
    this.#isWithered = true;
    this.#expireIn(LAST_WORDS_MS, "The job has ended");
  }

  /** Never later than it would have anyway. */
  #expireIn(ms: number, why: string): void {
    const { clock } = this.#options;
    const now = clock.steady();
    this.#expiresAt = Math.min(this.#expiresAt, now + ms);
    this.#cancel();
    this.#cancel = clock.after(this.#expiresAt - now, () => this.end(why));
  }
}
