import type { Logger } from "../../shared/log.ts";
import type { Config } from "../config.ts";
import { takeInventory } from "./join.ts";

/** What this host would tell its coordinator that it is and has, as JSON; joining nothing, changing nothing. */
export const describeInventory = async (
  config: Config,
  deps: { log: Logger; signal: AbortSignal },
): Promise<string> => {
  const inventory = await takeInventory(
    config,
    { runtime: config.runtime ?? "auto", name: config.name },
    deps,
  );
  return `${JSON.stringify(inventory, undefined, 2)}\n`;
};
