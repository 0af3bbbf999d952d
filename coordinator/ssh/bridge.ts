import type { Leg } from "./packets.ts";

const GLOBAL_REQUEST = 80;

/**
 * A host's word on which keys the server of this address has, which a client would keep for the coordinator's
 * (OpenSSH's `UpdateHostKeys`). Nobody waits for an answer to it.
 */
const isAboutHostKeys = (payload: Buffer): boolean => {
  if (payload[0] !== GLOBAL_REQUEST || payload.length < 5) return false;
  return payload.toString("latin1", 5, 5 + payload.readUInt32BE(1)).startsWith("hostkeys");
};

/** Passes messages on in one direction, and reads no more of them than the other side takes. */
const pass = (from: Leg, to: Leg, isDropped: (payload: Buffer) => boolean): void => {
  let isHeld = false;
  const goOn = () => {
    if (to.isFull) return to.whenDrained(goOn);
    isHeld = false;
    from.transport.resume();
  };
  from.onMessage((payload) => {
    if (isDropped(payload)) return;
    to.send(payload);
    if (isHeld || !to.isFull) return;
    isHeld = true;
    from.transport.pause();
    to.whenDrained(goOn);
  });
};

/**
 * A client and a job's SSH server, each logged in on its own leg, as one connection: channels, their numbers and windows,
 * requests and their answers are between the two, and pass through as they are. What either may have on its way is
 * bounded by the windows that they grant each other; here is no more than waits for a connection to take it.
 */
export const bridge = (client: Leg, agent: Leg): void => {
  pass(client, agent, () => false);
  pass(agent, client, isAboutHostKeys);
};
