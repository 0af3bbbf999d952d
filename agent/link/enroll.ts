import { EnrollAnswer, type EnrollRequest } from "../../shared/protocol/enroll.ts";
import type { Inventory } from "../../shared/protocol/inventory.ts";
import { VERSION } from "../../shared/version.ts";
import { callJson } from "./client.ts";
import { type HostKey, type Identity, proveKey, renewAt } from "./identity.ts";
import type { LinkTls } from "./trust.ts";

export interface EnrollOptions {
  url: string;
  bootId: string;
  inventory: Inventory;
  signal: AbortSignal;
  now: () => number;
  tls?: LinkTls;
}

type Enrolled = Omit<Identity, "url" | "runtime" | "name" | "trust" | keyof HostKey>;

const enroll = async (
  options: EnrollOptions,
  key: HostKey,
  proof: EnrollRequest["proof"],
): Promise<Enrolled> => {
  const { url, bootId, inventory, signal, now, tls } = options;
  const json: EnrollRequest = {
    agent_version: VERSION,
    public_key: key.public_key,
    boot_id: bootId,
    inventory,
    proof,
  };
  const link = { url, token: () => undefined, tls: () => tls };
  const answer = await callJson(link, { path: "/enroll", json, signal }, EnrollAnswer);
  return { ...answer, renew_at: renewAt(answer.credential, now()) };
};

/** Makes this host an instance of the token's fleet; the same key again gets the same instance. */
export const joinFleet = (options: EnrollOptions, key: HostKey, token: string): Promise<Enrolled> =>
  enroll(options, key, { kind: "join", token, key: proveKey(key, options.now()) });

/** A new credential for a host whose old one is over, by the proof of its key. */
export const enrollAgain = async (options: EnrollOptions, identity: Identity): Promise<Identity> => ({
  ...identity,
  ...(await enroll(options, identity, { kind: "key", ...proveKey(identity, options.now()) })),
  ...(identity.release_key ? { release_key: identity.release_key } : {}),
});
