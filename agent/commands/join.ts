import { AppError } from "../../shared/errors.ts";
import type { Logger } from "../../shared/log.ts";
import type { Inventory } from "../../shared/protocol/inventory.ts";
import { splitPin } from "../../shared/tls/pinnedToken.ts";
import { type Config, makeStateDir, type RuntimeChoice } from "../config.ts";
import { readInventory } from "../inventory/readInventory.ts";
import { joinFleet } from "../link/enroll.ts";
import { findIdentity, type Identity, keepHostKey, saveIdentity } from "../link/identity.ts";
import { SYSTEM_TRUST, tlsOf, trustByToken } from "../link/trust.ts";
import { bootId } from "../runtime/process/procfs.ts";

interface Chosen {
  runtime: RuntimeChoice;
  name: string | undefined;
  /** What need not be read anew every time; kept by whoever reads again and again. */
  memory?: Map<string, string>;
}

/** The host's inventory, under the name that was chosen for it. */
export const takeInventory = async (
  { stateDir, dockerHost }: Config,
  { runtime, name, memory }: Chosen,
  signal: AbortSignal,
): Promise<Inventory> => {
  const options = { stateDir, runtime, signal, dockerHost, ...(memory ? { memory } : {}) };
  const inventory = await readInventory(options);
  return name === undefined ? inventory : { ...inventory, hostname: name };
};

/** Says which devices an administrator may miss, and why. */
export const noteMissing = ({ gpu_failure, held_out_gpus }: Inventory, log: Logger): void => {
  if (gpu_failure) log.warn("Devices may be missing", { reason: gpu_failure });
  for (const { raw_name, id, health } of held_out_gpus ?? [])
    log.warn("A device is held out", { name: raw_name, id, reason: health?.reason });
};

/** Makes this host an instance of the fleet of the token; again with the same key it stays the instance it was. */
export const join = async (
  config: Config,
  { log, signal }: { log: Logger; signal: AbortSignal },
): Promise<Identity> => {
  makeStateDir(config.stateDir);
  const known = findIdentity(config.stateDir);
  const url = config.url ?? known?.url;
  if (url === undefined)
    throw new AppError("invalid", "Cannot join: no coordinator given", { hint: "Add --url URL" });
  if (config.token === undefined)
    throw new AppError("invalid", "Cannot join: no join token given", {
      hint: "Put it into DSTACK_JOIN_TOKEN; `dstack fleet token create FLEET` makes one",
    });
  const runtime = config.runtime ?? known?.runtime ?? "auto";
  const name = config.name ?? known?.name ?? undefined;
  const key = known ?? keepHostKey(config.stateDir);
  const inventory = await takeInventory(config, { runtime, name }, signal);
  noteMissing(inventory, log);
  const { token, fingerprint } = splitPin(config.token);
  // A token without a fingerprint says nothing about what was trusted before.
  const before = url === known?.url ? (known.trust ?? SYSTEM_TRUST) : SYSTEM_TRUST;
  const trust = fingerprint === undefined ? before : await trustByToken(url, fingerprint, signal);
  const tls = tlsOf(trust, config.caFile);
  const options = { url, bootId: bootId(), inventory, signal, now: Date.now, tls };
  const enrolled = await joinFleet(options, key, token);
  const { private_key, public_key } = key;
  const identity: Identity = { url, private_key, public_key, runtime, name, trust, ...enrolled };
  saveIdentity(config.stateDir, identity);
  return identity;
};
