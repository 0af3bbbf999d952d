import type { WebSocketHandler } from "bun";
import { HEADER_BYTES, MAX_DATA_BYTES } from "../../shared/tunnel/frame.ts";

interface TunnelSocket {
  send(frame: Uint8Array): void;
  close(code: number, reason: string): void;
}

/** Whoever a WebSocket was upgraded for. */
export interface SocketOwner {
  opened(socket: TunnelSocket): void;
  received(bytes: Uint8Array): void;
  /** `code` of its close frame; 1006: there was none. */
  gone(code: number): void;
}

/** A close frame has room for so many bytes of reason (RFC 6455 §5.5). */
const MOST_REASON_BYTES = 120;
/**
 * What may wait in one socket: never reached, for no link has more than 16 MiB on its way (shared/tunnel/flight.ts) and
 * little beside it. Bun drops what is beyond, so such a socket is of no more use.
 */
const MOST_WAITING_BYTES = 64 * 1024 * 1024;

/** For `Bun.serve`: passes on what happens to a WebSocket to whoever it was upgraded for. */
export const tunnelSockets: WebSocketHandler<SocketOwner> = {
  maxPayloadLength: HEADER_BYTES + MAX_DATA_BYTES,
  backpressureLimit: MOST_WAITING_BYTES,
  closeOnBackpressureLimit: true,
  // Links have their own pings, and know better what silence means.
  idleTimeout: 0,
  perMessageDeflate: false,
  open: (socket) =>
    socket.data.opened({
      send: (frame) => void socket.sendBinary(frame),
      close: (code, reason) =>
        socket.close(code, new TextDecoder().decode(Buffer.from(reason).subarray(0, MOST_REASON_BYTES))),
    }),
  message: (socket, message) =>
    typeof message === "string" ? socket.close(1003, "Only binary messages") : socket.data.received(message),
  close: (socket, code) => socket.data.gone(code),
};
