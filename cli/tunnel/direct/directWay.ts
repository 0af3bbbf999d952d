import { Backoff } from "../../../shared/async/backoff.ts";
import type { Clock } from "../../../shared/clock.ts";
import { DirectOffer } from "../../../shared/protocol/direct.ts";
import type { StreamTarget } from "../../../shared/protocol/tunnel.ts";
import type { TunnelStream } from "../../../shared/tunnel/stream.ts";
import { DirectLink } from "./directLink.ts";
import type { Route } from "./wishedWay.ts";

export interface DirectWayDeps {
  clock: Clock;
  /** A stream over the coordinator for this request; undefined: the coordinator is not there at present. */
  ask: (request: unknown) => TunnelStream | undefined;
  /** New streams go another way from now on. */
  onChange: (route: Route) => void;
}

/** A host that could not be reached is tried again: networks change. */
const AGAIN_MS = 2 * 60_000;
/** A job that does not run yet will before long. */
const SOON = { firstMs: 500, longestMs: 60_000 };
/** Well within the time for which the agent lets a ticket be good (docs/protocol/tunnel.md). */
const RENEW_MS = 5 * 60_000;
const GIVEN_BACK = { code: "aborted", message: "It is wanted no more" };

/** A ticket, and the stream that it is good by. */
interface Granted {
  readonly stream: TunnelStream;
  readonly offer: DirectOffer;
}

/**
 * The way to a job's host without the coordinator between, wherever there is one. It is tried as soon as the coordinator
 * can be asked for a ticket; until it is there, and when it no longer is, streams go by the coordinator.
 */
export class DirectWay implements Disposable {
  readonly #deps: DirectWayDeps;
  #submissionId = "";
  #link: DirectLink | undefined;
  /** The stream over the coordinator by which what we have is good. */
  #authority: TunnelStream | undefined;
  #asking: TunnelStream | undefined;
  /** Asked for because the link is broken: it renews the link when that is up again, or begins the next one. */
  #spare: Granted | undefined;
  readonly #soon = new Backoff(SOON);
  #trial = Promise.withResolvers<void>();
  #cancel: () => void = () => {};
  #isOver = false;

  constructor(deps: DirectWayDeps) {
    this.#deps = deps;
  }

  get route(): Route {
    return this.#link?.mux.isUp ? "direct" : "relay";
  }

  /** From now on this attempt of the job is meant. */
  follow(submissionId: string): void {
    if (submissionId === this.#submissionId) return;
    this.#submissionId = submissionId;
    this.#soon.reset();
    this.#spare?.stream.reset(GIVEN_BACK);
    this.#spare = undefined;
    this.#link?.[Symbol.dispose]();
    this.#giveBack();
    this.#tryNow();
  }

  /** The job runs: another try is made, unless there is a link. Resolves when it is there, or not to be had, or time is up. */
  async tried(mostMs: number): Promise<void> {
    if (this.route === "direct") return;
    if (!this.#link) this.#tryNow();
    const late = Promise.withResolvers<void>();
    const cancel = this.#deps.clock.after(mostMs, late.resolve);
    await Promise.race([this.#trial.promise, late.promise]);
    cancel();
  }

  /** The coordinator can be asked, perhaps another one than before. */
  coordinatorIsUp(): void {
    if (!this.#authority) this.#tryNow();
  }

  /** Undefined: it has to go by the coordinator. */
  open(to: StreamTarget): TunnelStream | undefined {
    if (this.route !== "direct") return undefined;
    return this.#link?.mux.open({ submission_id: this.#submissionId, to });
  }

  /** The machine was asleep, or its network is another. */
  renew(): void {
    if (this.#link) this.#link.renew();
    else this.#tryNow();
  }

  [Symbol.dispose](): void {
    this.#isOver = true;
    this.#cancel();
    this.#link?.[Symbol.dispose]();
    this.#giveBack();
  }

  #tryNow(): void {
    this.#cancel();
    if (this.#isOver || this.#asking || this.#submissionId === "") return;
    const submissionId = this.#submissionId;
    const stream = this.#deps.ask({ submission_id: submissionId, to: { kind: "direct" } });
    if (!stream) return;
    this.#asking = stream;
    if (!this.#link) this.#trial = Promise.withResolvers();
    stream.handle({
      accepted: (answer) => this.#offered(stream, { answer, submissionId }),
      data: () => {},
      credit: () => {},
      blocked: () => {},
      ended: () => stream.end(),
      closed: (failure) => {
        const isAsking = stream === this.#asking;
        const isAuthority = stream === this.#authority;
        if (isAsking) this.#asking = undefined;
        if (isAuthority) this.#authority = undefined;
        if (this.#spare?.stream === stream) this.#spare = undefined;
        // Not where another ticket has taken its place.
        if (!isAsking && !isAuthority) return;
        if (!this.#link) this.#trial.resolve();
        // A host that was reached is on its way back: its agent dials, and finds its jobs again, in a moment.
        const isMissed = this.#link !== undefined && !this.#link.mux.isUp;
        const isSoon = isMissed || failure?.code === "unavailable" || failure?.code === "link_lost";
        this.#tryLater(isSoon ? this.#soon.next() : AGAIN_MS);
      },
    });
  }

  #tryLater(ms: number): void {
    this.#cancel();
    if (!this.#isOver) this.#cancel = this.#deps.clock.after(ms, () => this.#tryNow());
  }

  #offered(stream: TunnelStream, { answer, submissionId }: { answer: unknown; submissionId: string }): void {
    this.#asking = undefined;
    const offer = DirectOffer.safeParse(answer);
    if (!offer.success || submissionId !== this.#submissionId) {
      stream.reset(GIVEN_BACK);
      this.#trial.resolve();
      this.#tryLater(offer.success ? 0 : AGAIN_MS);
      return;
    }
    this.#soon.reset();
    this.#tryLater(RENEW_MS);
    const granted = { stream, offer: offer.data };
    if (!this.#link) this.#begin(granted);
    else if (this.#link.mux.isUp) this.#renew(this.#link, granted);
    else {
      this.#spare?.stream.reset(GIVEN_BACK);
      this.#spare = granted;
      this.#link.redial(granted.offer);
    }
  }

  #begin({ stream, offer }: Granted): void {
    this.#giveBack();
    this.#authority = stream;
    this.#link = this.#dial(offer);
  }

  /** The agent ends what the link was good by until then; unless it comes to that, it ends the link in time. */
  #renew({ mux }: DirectLink, { stream, offer }: Granted): void {
    this.#authority = stream;
    const renewal = mux.open({ renew: offer.ticket });
    renewal.handle({
      accepted: () => renewal.end(),
      data: () => {},
      credit: () => {},
      blocked: () => {},
      ended: () => {},
      closed: () => {},
    });
  }

  #dial(offer: DirectOffer): DirectLink {
    let hasBeenUp = false;
    const link = new DirectLink({
      clock: this.#deps.clock,
      offer,
      onChange: (state) => {
        this.#trial.resolve();
        const spare = this.#spare;
        if (state === "broken") this.#tryNow();
        else {
          hasBeenUp = true;
          this.#spare = undefined;
          if (spare) this.#renew(link, spare);
        }
        this.#deps.onChange(this.route);
      },
      onClosed: () => {
        if (this.#link !== link) return;
        this.#link = undefined;
        this.#trial.resolve();
        this.#tryLater(hasBeenUp ? this.#soon.next() : AGAIN_MS);
        const spare = this.#spare;
        this.#spare = undefined;
        if (spare && !this.#isOver) this.#begin(spare);
        else this.#giveBack();
        this.#deps.onChange(this.route);
      },
    });
    return link;
  }

  /** What a ticket was good for is wanted no more. */
  #giveBack(): void {
    const authority = this.#authority;
    this.#authority = undefined;
    authority?.reset(GIVEN_BACK);
  }
}
