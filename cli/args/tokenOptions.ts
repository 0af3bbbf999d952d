import { type Labels, parseLabel } from "../../shared/api/labels.ts";
import { BadValue, count, list, value } from "./option.ts";
import { secondsOf } from "./seconds.ts";

const A_DAY_S = 86_400;

const ttl = (given: string): number => {
  const seconds = secondsOf(given);
  if (seconds < 60 || seconds > 30 * A_DAY_S)
    throw new BadValue(`invalid value: '${given}' (from 1m to 30d)`);
  return seconds;
};

const blocks = (given: string): number | "auto" => (given === "auto" ? "auto" : count(given));

const label = (given: string): [string, string] => {
  const pair = parseLabel(given);
  if (!pair) throw new BadValue(`invalid value: '${given}' (KEY=VALUE, like rack=a1)`);
  return pair;
};

/** What a token is to be like, of each command that makes one. */
export const tokenOptions = {
  ttl: value("--ttl DURATION", "How long hosts may join with it (1d)", ttl),
  uses: value("--uses N", "How many hosts may join with it (any number)", count),
  blocks: value(
    "--blocks N|auto",
    "Into how many parts each host is divided, so that several jobs fit; auto: as many as it has GPUs, or CPUs (as the fleet says)",
    blocks,
  ),
  labels: list(
    "--label KEY=VALUE",
    "A label of each host, which runs can select by (`instances: [rack=a1]`); several are possible",
    label,
  ),
};

interface Given {
  readonly ttl: number | undefined;
  readonly uses: number | undefined;
  readonly blocks: number | "auto" | undefined;
  readonly labels: readonly [string, string][];
}

export interface TokenWish {
  ttl_s: number;
  uses: number | null;
  blocks: number | "auto" | null;
  labels: Labels | null;
}

export const tokenWishOf = ({ ttl, uses, blocks, labels }: Given): TokenWish => ({
  ttl_s: ttl ?? A_DAY_S,
  uses: uses ?? null,
  blocks: blocks ?? null,
  labels: labels.length === 0 ? null : Object.fromEntries(labels),
});
