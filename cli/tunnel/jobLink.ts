import { AppError } from "../../shared/errors.ts";
import type { Dialler } from "../../shared/tunnel/dialler.ts";
import type { TunnelStream } from "../../shared/tunnel/stream.ts";
import type { Api } from "../api/client.ts";
import type { Outage } from "../attach/outage.ts";
import type { Context } from "../context.ts";
import { DirectWay } from "./direct/directWay.ts";
import { type Route, wishedWay } from "./direct/wishedWay.ts";
import { dialLink } from "./link.ts";

type Target = { readonly kind: "port"; readonly port: number } | SshTarget;

/** `user`: the Unix user to log in as; absent: the job's own. */
interface SshTarget {
  readonly kind: "ssh";
  readonly user?: string;
}

/** A link that is over for good, as after the coordinator's start, is replaced after so long. */
const AGAIN_MS = 1_000;
/** A host that can be reached directly is, most often, within this time; nobody is to notice that it was tried. */
const TRY_MS = 150;
/** What changes back within this time, as a link does that is only dialled anew, is nobody's concern. */
const SETTLED_MS = 3_000;
/** Where there is to be no other way. */
const INSIST_MS = 20_000;

/** The way to a job, whichever attempt at it is the newest, over one link after another. */
export class JobLink implements Disposable {
  readonly #ctx: Context;
  readonly #api: Api;
  readonly #up = Promise.withResolvers<void>();
  readonly #wish: Route | "auto";
  readonly #direct: DirectWay;
  readonly #moved: (route: Route) => void;
  #outage: Pick<Outage, "lost" | "over"> = { lost: () => {}, over: () => {} };
  #submissionId = "";
  #dialler: Dialler | undefined;
  #hasBeenUp = false;
  /** What people know of the way. */
  #told: Route | undefined;
  #isOver = false;
  #cancel: () => void = () => {};
  #cancelTelling: () => void = () => {};

  /** `moved`: new streams go another way than `ready` has said. */
  constructor(ctx: Context, api: Api, moved: (route: Route) => void = () => {}) {
    this.#ctx = ctx;
    this.#api = api;
    this.#moved = moved;
    this.#wish = wishedWay(ctx.env);
    this.#direct = new DirectWay({
      clock: ctx.clock,
      ask: (request) =>
        this.#dialler?.mux.isUp && this.#wish !== "relay" ? this.#dialler.mux.open(request) : undefined,
      onChange: (route) => this.#tellOf(route),
    });
    // Not everybody waits for it.
    this.#up.promise.catch(() => {});
  }

  /** Dials at once, and tells of what is lost and back from now on. */
  begin(outage: Pick<Outage, "lost" | "over">): void {
    this.#outage = outage;
    this.#dial();
  }

  /** From now on this attempt is meant. */
  follow(submissionId: string): void {
    this.#submissionId = submissionId;
    this.#direct.follow(submissionId);
  }

  get submissionId(): string {
    return this.#submissionId;
  }

  /** The job runs. Settles with the way to it when there is one, or none is to be had. */
  async ready(): Promise<Route> {
    await this.#up.promise;
    if (this.#wish !== "relay") await this.#direct.tried(this.#wish === "direct" ? INSIST_MS : TRY_MS);
    const { route } = this.#direct;
    if (this.#wish === "direct" && route !== "direct")
      throw new AppError("unavailable", "The host cannot be reached directly", {
        hint: "DSTACK_TUNNEL_WAY asks for no other way",
      });
    this.#told = route;
    return route;
  }

  /** The stream's `handle` is still free. */
  open(to: Target): TunnelStream {
    const dialler = this.#dialler;
    if (!dialler) throw new Error("Nothing was dialled yet");
    const straight = this.#direct.open(to);
    if (straight) return straight;
    // Where it is insisted upon, whoever comes while it is not there is turned away.
    if (this.#wish === "direct") return dialler.mux.open({});
    return dialler.mux.open({ submission_id: this.#submissionId, to });
  }

  /** Whatever there is may be dead: the machine was asleep, or its network is another. */
  renew(): void {
    this.#dialler?.renew();
    this.#direct.renew();
  }

  [Symbol.dispose](): void {
    this.#isOver = true;
    this.#cancel();
    this.#cancelTelling();
    this.#direct[Symbol.dispose]();
    this.#dialler?.[Symbol.dispose]();
  }

  #tellOf(route: Route): void {
    this.#cancelTelling();
    if (this.#isOver || this.#told === undefined || this.#told === route) return;
    this.#cancelTelling = this.#ctx.clock.after(SETTLED_MS, () => {
      this.#told = route;
      this.#moved(route);
    });
  }

  #dial(): void {
    this.#dialler = dialLink(this.#ctx, this.#api, {
      onChange: (state) => {
        if (state === "broken") this.#outage.lost("tunnel");
        else {
          this.#hasBeenUp = true;
          this.#outage.over("tunnel");
          this.#up.resolve();
          this.#direct.coordinatorIsUp();
        }
      },
      onClosed: (reason) => {
        if (this.#isOver) return;
        this.#up.reject(new AppError("unavailable", "Can't connect to the remote host", { hint: reason }));
        if (this.#hasBeenUp) this.#outage.lost("tunnel");
        this.#cancel = this.#ctx.clock.after(AGAIN_MS, () => this.#dial());
      },
    });
  }
}
