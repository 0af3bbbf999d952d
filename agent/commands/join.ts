import { AppError } from "../../shared/errors.ts";
import type { Logger } from "../../shared/log.ts";
import { type Config, makeStateDir, type RuntimeChoice } from "../config.ts";
import { readInventory } from "../inventory/readInventory.ts";
import { joinFleet } from "../link/enroll.ts";
import { findIdentity, type Identity, makeHostKey, saveIdentity } from "../link/identity.ts";
import { bootId } from "../runtime/process/procfs.ts";

/** The host's inventory, under the name that was chosen for it. */
export const takeInventory = async (
  config: Config,
  { runtime, name }: { runtime: RuntimeChoice; name: string | undefined },
  { log, signal }: { log: Logger; signal: AbortSignal },
) => {
  const { stateDir, dockerHost } = config;
  const inventory = await readInventory({ stateDir, runtime, signal, dockerHost });
  if (inventory.gpu_failure) log.warn("GPUs may be missing", { reason: inventory.gpu_failure });
  return name === undefined ? inventory : { ...inventory, hostname: name };
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
  const key = known ?? makeHostKey();
  const inventory = await takeInventory(config, { runtime, name }, { log, signal });
  const options = { url, bootId: bootId(), inventory, signal, now: Date.now };
  const enrolled = await joinFleet(options, key, config.token);
  const { private_key, public_key } = key;
  const identity: Identity = { url, private_key, public_key, runtime, name, ...enrolled };
  saveIdentity(config.stateDir, identity);
  return identity;
};
