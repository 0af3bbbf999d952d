import { AppError } from "../../shared/errors.ts";
import type { Dialler } from "../../shared/tunnel/dialler.ts";
import type { TunnelStream } from "../../shared/tunnel/stream.ts";
import type { Api } from "../api/client.ts";
import type { Outage } from "../attach/outage.ts";
import type { Context } from "../context.ts";
import { dialLink } from "./link.ts";

/** How streams get to the job. The only place that knows names it, and `attach` shows it. */
export type Route = "direct" | "relay";

type Target = { readonly kind: "port"; readonly port: number } | { readonly kind: "ssh" };

/** A link that is over for good, as after the coordinator's start, is replaced after so long. */
const AGAIN_MS = 1_000;

/** The way to a job, whichever attempt at it is the newest, over one link after another. */
export class JobLink implements Disposable {
  readonly #ctx: Context;
  readonly #api: Api;
  readonly #up = Promise.withResolvers<Route>();
  #outage: Pick<Outage, "lost" | "over"> = { lost: () => {}, over: () => {} };
  #submissionId = "";
  #dialler: Dialler | undefined;
  #hasBeenUp = false;
  #isOver = false;
  #cancel: () => void = () => {};

  constructor(ctx: Context, api: Api) {
    this.#ctx = ctx;
    this.#api = api;
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
  }

  get submissionId(): string {
    return this.#submissionId;
  }

  /** Settles when there is a way to the host, or none is to be had. */
  get up(): Promise<Route> {
    return this.#up.promise;
  }

  /** The stream's `handle` is still free. */
  open(to: Target): TunnelStream {
    const dialler = this.#dialler;
    if (!dialler) throw new Error("Nothing was dialled yet");
    return dialler.mux.open({ submission_id: this.#submissionId, to });
  }

  /** Whatever there is may be dead: the machine was asleep, or its network is another. */
  renew(): void {
    this.#dialler?.renew();
  }

  [Symbol.dispose](): void {
    this.#isOver = true;
    this.#cancel();
    this.#dialler?.[Symbol.dispose]();
  }

  #dial(): void {
    this.#dialler = dialLink(this.#ctx, this.#api, {
      onChange: (state) => {
        if (state === "broken") this.#outage.lost("tunnel");
        else {
          this.#hasBeenUp = true;
          this.#outage.over("tunnel");
          this.#up.resolve("relay");
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
