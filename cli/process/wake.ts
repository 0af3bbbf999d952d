import { networkInterfaces } from "node:os";
import type { Clock } from "../../shared/clock.ts";

const EVERY_MS = 1_000;
/** A tick that comes later by so much was slept through, or this process was stopped. */
const AWAY_MS = 5_000;

/** Bridges and ends of wires that container engines make and take away as they go. */
const OF_CONTAINERS = /^(?:docker|br-|veth|virbr|cni|cbr|flannel|cali|lxc|lxd|podman)/;

/** Addresses by which others know this machine; a connection from one that is gone is dead, and does not say so. */
const ownAddresses = (): readonly string[] =>
  Object.entries(networkInterfaces())
    .flatMap(([name, all]) => (OF_CONTAINERS.test(name) ? [] : (all ?? [])))
    .filter(({ internal, address }) => !internal && !address.startsWith("fe80:"))
    .map(({ address }) => address);

/** Calls back whenever this machine has been asleep, this process stopped, or an address has gone. */
export const watchWake = (
  clock: Clock,
  onWake: () => void,
  addressesNow: () => readonly string[] = ownAddresses,
): Disposable => {
  let last = clock.now();
  let addresses = addressesNow();
  let cancel = () => {};
  const tick = () => {
    const [now, next] = [clock.now(), addressesNow()];
    const wasAway = now - last > EVERY_MS + AWAY_MS;
    const hasMoved = addresses.some((address) => !next.includes(address));
    [last, addresses] = [now, next];
    if (wasAway || hasMoved) onWake();
    cancel = clock.after(EVERY_MS, tick);
  };
  cancel = clock.after(EVERY_MS, tick);
  return { [Symbol.dispose]: () => cancel() };
};
