import type { Connection } from "ssh2";
import type { TerminalModes } from "../native/terminalModes.ts";

/** What is used of the insides of ssh2 (1.17, pinned), here and in coordinator/ssh/packets.ts. */
interface Protocol {
  _onPayload(payload: Buffer): unknown;
}

const CHANNEL_REQUEST = 98;
const WISH = Buffer.from("pty-req");
/** Numbers from here on have no value of 32 bits: nothing behind one can be read (RFC 4254 §8). */
const [END, FIRST_UNREADABLE] = [0, 160];
/** `TTY_OP_END` alone, as a string of the wire. */
const NO_MODES = Buffer.from([0, 0, 0, 1, END]);

/**
 * The modes of the terminal that a client has just wished for: to be asked where the library tells of the wish. The library
 * itself reads them from their second byte on, in the wrong table, and takes some clients' for a broken message, which ends
 * the connection; so it gets the wish without them. Before the connection has exchanged keys.
 */
export const watchTerminalWishes = (client: Connection): (() => TerminalModes) => {
  const protocol = (client as unknown as { _protocol?: Protocol })._protocol;
  if (typeof protocol?._onPayload !== "function")
    throw new Error("This is another ssh2 than the one that this was written for");
  let latest: TerminalModes = new Map();
  const own = protocol._onPayload;
  protocol._onPayload = (payload) => {
    const at = payload[0] === CHANNEL_REQUEST ? modesIn(payload) : undefined;
    if (at === undefined) return own.call(protocol, payload);
    latest = readModes(payload.subarray(at + 4));
    return own.call(protocol, Buffer.concat([payload.subarray(0, at), NO_MODES]));
  };
  return () => latest;
};

/** Where the modes begin with their length; undefined: this is no wish for a terminal, or is not whole. */
const modesIn = (payload: Buffer): number | undefined => {
  const kindAt = 5;
  const termAt = kindAt + 4 + WISH.length + 1;
  if (payload.length < termAt + 4 || payload.readUInt32BE(kindAt) !== WISH.length) return undefined;
  if (!payload.subarray(kindAt + 4, kindAt + 4 + WISH.length).equals(WISH)) return undefined;
  // The name of the terminal; columns, rows, and both in pixels.
  const at = termAt + 4 + payload.readUInt32BE(termAt) + 16;
  return payload.length >= at + 4 && payload.readUInt32BE(at) <= payload.length - at - 4 ? at : undefined;
};

/** As far as they can be understood. */
export const readModes = (bytes: Buffer): TerminalModes => {
  const modes = new Map<number, number>();
  for (let at = 0; at + 5 <= bytes.length; at += 5) {
    const mode = bytes[at] ?? END;
    if (mode === END || mode >= FIRST_UNREADABLE) break;
    modes.set(mode, bytes.readUInt32BE(at + 1));
  }
  return modes;
};
