import { createJoinToken } from "../../../api/joinTokens.ts";
import { openApi } from "../../../api/open.ts";
import { defineCommand } from "../../../args/command.ts";
import { BadValue, count, flag, one, value } from "../../../args/option.ts";
import { projectOption } from "../../../args/resolve.ts";
import { secondsOf } from "../../../args/seconds.ts";
import { printJson } from "../../../output/json.ts";
import { ttlText } from "../../../views/joinTokens.ts";

const A_DAY_S = 86_400;

const ttl = (given: string): number => {
  const seconds = secondsOf(given);
  if (seconds < 60 || seconds > 30 * A_DAY_S)
    throw new BadValue(`invalid value: '${given}' (from 1m to 30d)`);
  return seconds;
};

export const command = defineCommand({
  description:
    "Make a token with which hosts join a fleet, and show the line to run on them. The fleet is made if need be.",
  options: {
    project: projectOption,
    ttl: value("--ttl DURATION", "How long hosts may join with it (1d)", ttl),
    uses: value("--uses N", "How many hosts may join with it (any number)", count),
    json: flag("--json", "Print JSON"),
  },
  args: { fleet: one("FLEET", "The name of the fleet", "fleet") },
  run: async (ctx, { project, fleet, ttl, uses, json }) => {
    const api = await openApi(ctx, { project });
    const token = await createJoinToken(api, { fleet, ttl_s: ttl ?? A_DAY_S, uses: uses ?? null });
    if (json) return printJson(ctx.out, token);
    const limit = token.uses_left === null ? "" : `, for ${token.uses_left} hosts`;
    ctx.out.write(
      `Run this on each host that is to join the fleet ${token.fleet} (valid ${ttlText(token, ctx.clock.now())}${limit}):\n\n  ${token.join_command}\n`,
    );
  },
});
