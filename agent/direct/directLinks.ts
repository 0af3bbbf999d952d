import type { Clock } from "../../shared/clock.ts";
import type { Logger } from "../../shared/log.ts";
import { DirectHello, RenewRequest } from "../../shared/protocol/direct.ts";
import { ClientStreamRequest } from "../../shared/protocol/tunnel.ts";
import { type IncomingStream, Mux } from "../../shared/tunnel/mux.ts";
import type { Grant, JobTarget } from "./grant.ts";
import type { Visitor, VisitorOwner } from "./listener.ts";
import { digestOf, makeSecret } from "./secrets.ts";
import type { Tickets } from "./tickets.ts";

export interface DirectLinksDeps {
  clock: Clock;
  log: Logger;
  tickets: Tickets;
  /** A stream that a ticket was for. */
  serve: (incoming: IncomingStream, submissionId: string, to: JobTarget) => void;
  onChange: () => void;
}

interface DirectLink {
  readonly mux: Mux;
  grant: Grant;
}

const RESUME_MS = 60_000;
const MAX_STREAMS = 1_000;
const MOST_LINKS = 256;
const MOST_SMALL_FRAMES = 100_000;
/** Refusals that are told in the log; whoever knocks without end must not fill the disk. */
const MOST_TOLD = 20;
const TOLD_MS = 60_000;

/** Links that clients have dialled here with a ticket, each over one connection after another. */
export class DirectLinks implements Disposable {
  readonly #deps: DirectLinksDeps;
  /** By the digest of the secret that goes on with it. */
  readonly #links = new Map<string, DirectLink>();
  #told = { since: 0, count: 0 };

  constructor(deps: DirectLinksDeps) {
    this.#deps = deps;
  }

  get size(): number {
    return this.#links.size;
  }

  /** Somebody connects. */
  receive(visitor: Visitor): VisitorOwner {
    let mux: Mux | undefined;
    return {
      greeted: (content) => {
        mux = this.#admit(visitor, content);
      },
      received: (bytes, memory) => mux?.receive(visitor.connection, bytes, memory),
      ended: (reason) => mux?.close(reason),
      gone: () => mux?.disconnected(visitor.connection),
    };
  }

  /** The grant is over, and so is what goes on with it. */
  revoke(grant: Grant, reason: string): void {
    for (const link of this.#links.values()) if (link.grant === grant) link.mux.close(reason);
  }

  [Symbol.dispose](): void {
    for (const { mux } of [...this.#links.values()]) mux.close("The agent stops");
  }

  #admit(visitor: Visitor, content: unknown): Mux | undefined {
    const hello = DirectHello.safeParse(content);
    if (!hello.success) return this.#refuse(visitor, "This is no greeting");
    if ("resume" in hello.data) {
      const { resume, received } = hello.data;
      const link = this.#links.get(digestOf(resume));
      if (!link) return this.#refuse(visitor, "unknown link");
      return this.#connect(visitor, link.mux, { resume, received });
    }
    if (this.#links.size >= MOST_LINKS) return this.#refuse(visitor, "too many links");
    const grant = this.#deps.tickets.redeem(hello.data.ticket);
    if (typeof grant === "string") return this.#refuse(visitor, `${grant} ticket`);
    const resume = makeSecret();
    this.#deps.log.info("A client has connected directly", {
      submission_id: grant.submissionId,
      address: visitor.address,
    });
    return this.#connect(visitor, this.#begin(grant, digestOf(resume)), { resume, received: 0 });
  }

  #connect({ admit, connection }: Visitor, mux: Mux, hello: { resume: string; received: number }): Mux {
    admit();
    connection.greet({ resume: hello.resume, received: mux.received });
    mux.connect(connection, hello.received);
    return mux;
  }

  #refuse({ address, connection }: Visitor, why: string): undefined {
    this.#tell("A direct connection was refused", { why, address });
    connection.greet({ refused: why });
    connection.close("refused");
  }

  #begin(grant: Grant, digest: string): Mux {
    const { clock, onChange } = this.#deps;
    const mux = new Mux({
      clock,
      resumeMs: RESUME_MS,
      isDialler: false,
      maxStreams: MAX_STREAMS,
      mostSmallFrames: MOST_SMALL_FRAMES,
      onStream: (incoming, request) => this.#take(link, incoming, request),
      onClosed: (reason) => {
        this.#links.delete(digest);
        link.grant.end(reason);
        onChange();
      },
    });
    const link: DirectLink = { mux, grant };
    this.#links.set(digest, link);
    return mux;
  }

  #take(link: DirectLink, incoming: IncomingStream, request: unknown): void {
    const renewal = RenewRequest.safeParse(request);
    if (renewal.success) {
      this.#renew(link, incoming, renewal.data.renew);
      return;
    }
    const asked = ClientStreamRequest.safeParse(request);
    const { submissionId } = link.grant;
    const to = asked.success ? link.grant.find(asked.data) : undefined;
    if (to) {
      this.#deps.serve(incoming, submissionId, to);
      return;
    }
    this.#tell("A stream was refused that its ticket is not for", { submission_id: submissionId });
    incoming.stream.reset({ code: "forbidden", message: "The ticket is not for this" });
  }

  #renew(link: DirectLink, { stream, accept }: IncomingStream, ticket: string): void {
    const grant = this.#deps.tickets.redeem(ticket);
    if (typeof grant === "string" || grant.submissionId !== link.grant.submissionId) {
      this.#tell("A link was not renewed", { submission_id: link.grant.submissionId });
      stream.reset({ code: "forbidden", message: "The ticket is not good for this" });
      return;
    }
    const old = link.grant;
    link.grant = grant;
    old.end("It was renewed");
    accept(null);
    stream.end();
  }

  #tell(message: string, fields: Record<string, string>): void {
    const now = this.#deps.clock.steady();
    if (now - this.#told.since > TOLD_MS) this.#told = { since: now, count: 0 };
    this.#told.count += 1;
    if (this.#told.count <= MOST_TOLD) this.#deps.log.warn(message, fields);
  }
}
