import type { Logger } from "../../shared/log.ts";
import type { Config } from "../config.ts";
import { noteMissing, takeInventory } from "./join.ts";

/** What this host would tell its coordinator that it is and has, as JSON; joining nothing, changing nothing. */
export const describeInventory = async (
  config: Config,
  deps: { log: Logger; signal: AbortSignal },
): Promise<string> => {
  const chosen = { runtime: config.runtime ?? "auto", name: config.name } as const;
  const inventory = await takeInventory(config, chosen, deps.signal);
  noteMissing(inventory, deps.log);
  return `${JSON.stringify(inventory, undefined, 2)}\n`;
};
