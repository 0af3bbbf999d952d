import type { Inventory } from "../../shared/protocol/inventory.ts";
import type { LinkOptions } from "../link/client.ts";
import { enrollAgain, joinFleet } from "../link/enroll.ts";
import { type Identity, makeHostKey } from "../link/identity.ts";
import type { FakeCoordinator } from "./fakeCoordinator.ts";

/** What the host of the tests has. */
export const takenInventory = (): Inventory => ({
  hostname: "a-host",
  arch: "x86",
  os: "Linux",
  cpus: 2,
  memory_mib: 1024,
  disk_mib: 1024,
  gpus: [],
  addresses: [],
  runtime: "process",
});

const options = (url: string) => ({
  url,
  bootId: "boot",
  inventory: takenInventory(),
  signal: new AbortController().signal,
  now: Date.now,
});

/** Joins a fake coordinator and says who the host is from then on. */
export const joinAs = async (coordinator: FakeCoordinator, token = "join-me"): Promise<Identity> => {
  const key = makeHostKey();
  const enrolled = await joinFleet(options(coordinator.url), key, token);
  return { url: coordinator.url, ...key, runtime: "process", ...enrolled };
};

export const proveAs = (identity: Identity): Promise<Identity> =>
  enrollAgain(options(identity.url), identity);

/** A link with a good credential. */
export const joinFake = async (coordinator: FakeCoordinator): Promise<LinkOptions> => {
  const { credential } = await joinAs(coordinator);
  return { url: coordinator.url, token: () => credential.token };
};
