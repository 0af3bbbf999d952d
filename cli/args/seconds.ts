import { messageOf } from "../../shared/errors.ts";
import { parseDuration } from "../../shared/resources/duration.ts";
import { BadValue } from "./option.ts";

/** `90`, `30m`, `2h`, `1d`, `1w` (docs/spec/configuration.md §1.4). */
export const secondsOf = (given: string): number => {
  try {
    return parseDuration(given);
  } catch (err) {
    throw new BadValue(`invalid duration value: '${given}' (${messageOf(err)})`);
  }
};
