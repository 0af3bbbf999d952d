import type { Logger } from "../../shared/log.ts";
import { CONNECTION_GIVEN_UP, LINK_CLOSED, SESSION_UNKNOWN } from "../../shared/protocol/tunnel.ts";
import { asMessages, encodeJson, FrameType, frameOf } from "../../shared/tunnel/frame.ts";
import type { Transport } from "../../shared/tunnel/link.ts";
import { Memory } from "../../shared/tunnel/memory.ts";
import { Mux, type MuxOptions } from "../../shared/tunnel/mux.ts";
import type { SocketOwner } from "./sockets.ts";

export interface LinkDial {
  /** Whose link it is, in a form that no other dialler can have: what one began no other goes on with. */
  principal: string;
  session: string;
  /** How many numbered frames of the session the dialler has. */
  received: number;
}

type LinkCommon = Pick<MuxOptions, "clock" | "resumeMs" | "maxStreams" | "mostSmallFrames"> & { log: Logger };

interface MostLinks {
  ofDialler: number;
  ofAll: number;
}

/** Of a link that begins: who has it. */
type Begin = (mux: Mux) => Pick<MuxOptions, "onStream" | "onClosed">;

/** Links that clients and agents have dialled, each over one WebSocket after another. */
export class LinkSessions {
  readonly #common: LinkCommon;
  readonly #links = new Map<string, Map<string, Mux>>();
  #size = 0;

  constructor(common: LinkCommon) {
    this.#common = common;
  }

  /** All links there are. */
  get size(): number {
    return this.#size;
  }

  /** Whether this would be one link more than a dialler, or all of them, may have. */
  isTooMany({ principal, session }: LinkDial, { ofDialler, ofAll }: MostLinks): boolean {
    const own = this.#links.get(principal);
    if (own?.has(session)) return false;
    return (own?.size ?? 0) >= ofDialler || this.#size >= ofAll;
  }

  /** A connection that is about to be opened; `begin` is called where it begins a new link. */
  accept(dial: LinkDial, most: MostLinks, begin: Begin): SocketOwner {
    let transport: Transport | undefined;
    let mux: Mux | undefined;
    return {
      opened: (socket) => {
        transport = {
          send: asMessages(socket.send),
          close: (reason) => socket.close(LINK_CLOSED, reason),
          giveUp: (reason) => socket.close(CONNECTION_GIVEN_UP, reason),
        };
        // Others may have been opened since it was let in.
        if (this.isTooMany(dial, most)) {
          socket.close(LINK_CLOSED, "Too many tunnels are open");
          return;
        }
        mux =
          this.#links.get(dial.principal)?.get(dial.session) ??
          (dial.received === 0 ? this.#begin(dial, begin) : undefined);
        if (!mux) {
          socket.close(SESSION_UNKNOWN, "The coordinator does not know this session");
          return;
        }
        transport.send(frameOf(FrameType.hello, 0, encodeJson({ received: mux.received })));
        mux.connect(transport, dial.received);
      },
      received: (bytes) => {
        if (!transport) return;
        try {
          mux?.receive(transport, bytes, Memory.under(bytes)?.use());
        } catch (err) {
          // A mistake of ours costs who has met it their link: thrown on from here, it would end the whole process.
          this.#common.log.error("A tunnel met with an error", { principal: dial.principal, err });
          mux?.close("Internal error; see the coordinator's log");
        }
      },
      gone: (code) => {
        // Whoever has left does not come back: what they had open ends now.
        if (code === LINK_CLOSED) mux?.close("The other side has closed it");
        else if (transport) mux?.disconnected(transport);
      },
    };
  }

  /** Ends the links of a dialler. */
  close(principal: string, reason: string): void {
    for (const mux of [...(this.#links.get(principal)?.values() ?? [])]) mux.close(reason);
  }

  closeAll(reason: string): void {
    for (const principal of [...this.#links.keys()]) this.close(principal, reason);
  }

  #begin({ principal, session }: LinkDial, begin: Begin): Mux {
    let owner: ReturnType<Begin> | undefined;
    const own = this.#links.get(principal) ?? new Map<string, Mux>();
    const mux: Mux = new Mux({
      ...this.#common,
      isDialler: false,
      onStream: (incoming, request) => owner?.onStream(incoming, request),
      onClosed: (reason, isBreach) => {
        own.delete(session);
        if (own.size === 0) this.#links.delete(principal);
        this.#size -= 1;
        owner?.onClosed(reason, isBreach);
      },
    });
    owner = begin(mux);
    this.#links.set(principal, own.set(session, mux));
    this.#size += 1;
    return mux;
  }
}
