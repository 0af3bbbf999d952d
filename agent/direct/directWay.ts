import type { Clock } from "../../shared/clock.ts";
import { messageOf } from "../../shared/errors.ts";
import type { Logger } from "../../shared/log.ts";
import type { DirectOffer } from "../../shared/protocol/direct.ts";
import type { IncomingStream } from "../../shared/tunnel/mux.ts";
import type { AttachedJob } from "../jobs/runningJobs.ts";
import { ownAddresses } from "./addresses.ts";
import { DirectLinks, type DirectLinksDeps } from "./directLinks.ts";
import { type DirectTarget, Grant } from "./grant.ts";
import { DirectListener } from "./listener.ts";
import { type HostCertificate, loadOwnCertificate } from "./ownCertificate.ts";
import { Tickets } from "./tickets.ts";

export interface DirectWayDeps extends Pick<DirectLinksDeps, "serve"> {
  clock: Clock;
  log: Logger;
  stateDir: string;
  /** `off`: nobody is let in; 0: whatever port is free. */
  port: number | "off";
}

/** Nobody has a ticket or a link any more: for so long the port stays open for the next one. */
const LINGER_MS = 60_000;

/** The way past the coordinator: a port of the host, open as long as somebody has a ticket or a link (docs/protocol/tunnel.md). */
export class DirectWay implements Disposable {
  readonly #deps: DirectWayDeps;
  readonly #tickets: Tickets;
  readonly #links: DirectLinks;
  readonly #grants = new Set<Grant>();
  #certificate: Promise<HostCertificate> | undefined;
  #listener: DirectListener | undefined;
  #cancelClosing: () => void = () => {};

  constructor(deps: DirectWayDeps) {
    this.#deps = deps;
    this.#tickets = new Tickets(deps.clock);
    this.#links = new DirectLinks({
      ...deps,
      tickets: this.#tickets,
      onChange: () => this.#closeIfUnused(),
    });
  }

  /** The coordinator asks for a ticket. `isLinkLost`: whether the link that the stream is of is over. */
  async offer(
    { stream, accept }: IncomingStream,
    { job, submissionId, to, isLinkLost }: Asked,
  ): Promise<void> {
    const { clock, port } = this.#deps;
    if (port === "off") {
      stream.reset({ code: "forbidden", message: "This host is not reached directly" });
      return;
    }
    const listener = await this.#open(port);
    if (stream.isGone || !listener) {
      stream.reset({ code: "unavailable", message: "No port could be opened on the host" });
      return;
    }
    const { ended } = job;
    const onOver = (over: Grant, reason: string) => {
      this.#grants.delete(over);
      stream.reset({ code: "aborted", message: reason });
      this.#links.revoke(over, reason);
      this.#closeIfUnused();
    };
    const grant = new Grant({ clock, submissionId, to, ended, onOver });
    this.#grants.add(grant);
    stream.handle({
      accepted: () => {},
      data: () => {},
      credit: () => {},
      blocked: () => {},
      ended: () => grant.end("It was given back"),
      closed: (failure) => {
        if (failure?.code === "link_lost") grant.orphan();
        else grant.end(failure?.message ?? "It was given back");
        // The coordinator itself is there, and has lost its client.
        if (!isLinkLost()) grant.heard();
      },
    });
    const ticket = this.#tickets.issue(grant);
    if (ticket === undefined) {
      grant.end("There are too many tickets");
      return;
    }
    const { der: certificate } = await this.#ownCertificate();
    const offer: DirectOffer = { addresses: ownAddresses(), port: listener.port, certificate, ticket };
    accept(offer);
  }

  /** The coordinator is there: whoever has a grant of a time before has to ask for it again. */
  heard(): void {
    for (const grant of this.#grants) grant.heard();
  }

  [Symbol.dispose](): void {
    this.#cancelClosing();
    this.#links[Symbol.dispose]();
    this.#listener?.[Symbol.dispose]();
  }

  async #open(port: number): Promise<DirectListener | undefined> {
    this.#cancelClosing();
    const { clock, log } = this.#deps;
    const certificate = await this.#ownCertificate();
    try {
      this.#listener ??= new DirectListener({
        clock,
        port,
        certificate,
        onVisitor: (visitor) => this.#links.receive(visitor),
      });
    } catch (err) {
      log.warn("Clients cannot connect directly: no port could be opened", { port, reason: messageOf(err) });
    }
    return this.#listener;
  }

  #ownCertificate(): Promise<HostCertificate> {
    this.#certificate ??= loadOwnCertificate(this.#deps.stateDir, this.#deps.log).catch((err: unknown) => {
      this.#certificate = undefined;
      throw err;
    });
    return this.#certificate;
  }

  #closeIfUnused(): void {
    this.#cancelClosing();
    this.#cancelClosing = this.#deps.clock.after(LINGER_MS, () => {
      if (this.#links.size > 0 || this.#grants.size > 0) return;
      this.#listener?.[Symbol.dispose]();
      this.#listener = undefined;
    });
  }
}

interface Asked {
  job: AttachedJob;
  submissionId: string;
  to: DirectTarget;
  isLinkLost: () => boolean;
}
