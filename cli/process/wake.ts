import { lookup } from "node:dns/promises";
import { networkInterfaces } from "node:os";
import type { Clock } from "../../shared/clock.ts";

const EVERY_MS = 1_000;
/** A tick that comes later by so much was slept through, or this process was stopped. */
const AWAY_MS = 5_000;
/** No packet is sent to it. */
const ANY_PORT = 9;

interface Network {
  /** Differs when an address has come or gone. */
  addresses(): string;
  /** The address of this machine by which the server is reached; undefined: it is not reached at present. */
  source(): Promise<string | undefined>;
}

/** Calls back whenever this machine has been asleep, this process stopped, or the way to a server is another one. */
export const watchWake = (
  { clock, url }: { readonly clock: Clock; readonly url: string },
  onWake: () => void,
  network: Network = { addresses: ownAddresses, source: () => sourceTo(url) },
): Disposable => {
  let last = clock.now();
  let addresses = network.addresses();
  let isOver = false;
  let source: string | undefined;
  let cancel = () => {};
  // A connection from an address that is gone is dead, and does not say so. Most that come and go are none of ours.
  const look = async (): Promise<void> => {
    const next = await network.source();
    const hasMoved = source !== undefined && next !== undefined && next !== source;
    source = next ?? source;
    if (hasMoved && !isOver) onWake();
  };
  const tick = () => {
    const [now, next] = [clock.now(), network.addresses()];
    const wasAway = now - last > EVERY_MS + AWAY_MS;
    const hasChanged = next !== addresses;
    [last, addresses] = [now, next];
    if (wasAway) onWake();
    if (hasChanged) void look();
    cancel = clock.after(EVERY_MS, tick);
  };
  void look();
  cancel = clock.after(EVERY_MS, tick);
  return {
    [Symbol.dispose]: () => {
      isOver = true;
      cancel();
    },
  };
};

const ownAddresses = (): string =>
  Object.values(networkInterfaces())
    .flatMap((all) => all ?? [])
    .map(({ address }) => address)
    .sort()
    .join(" ");

const sourceTo = async (url: string): Promise<string | undefined> => {
  try {
    const { address: hostname } = await lookup(new URL(url).hostname.replace(/^\[(.*)\]$/, "$1"));
    const socket = await Bun.udpSocket({ connect: { hostname, port: ANY_PORT } });
    const { address } = socket.address;
    socket.close();
    return address;
  } catch {
    // No way to it, or no name: whoever is connected hears of that elsewhere.
    return undefined;
  }
};
