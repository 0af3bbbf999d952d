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

const blocks = (given: string): number | "auto" => (given === "auto" ? "auto" : count(given));

export const command = defineCommand({
  description:
    "Make a token with which hosts join a fleet, and show the line to run on them. The fleet is made if need be.",
  options: {
    project: projectOption,
    ttl: value("--ttl DURATION", "How long hosts may join with it (1d)", ttl),
    uses: value("--uses N", "How many hosts may join with it (any number)", count),
    blocks: value(
      "--blocks N|auto",
      "Into how many parts each host is divided, so that several jobs fit; auto: as many as it has GPUs, or CPUs (as the fleet says)",
      blocks,
    ),
    json: flag("--json", "Print JSON"),
  },
  args: { fleet: one("FLEET", "The name of the fleet", "fleet") },
  run: async (ctx, { project, fleet, ttl, uses, blocks, json }) => {
    const api = await openApi(ctx, { project });
    const wish = { fleet, ttl_s: ttl ?? A_DAY_S, uses: uses ?? null, blocks: blocks ?? null };
    const token = await createJoinToken(api, wish);
    if (json) return printJson(ctx.out, token);
    const divided =
      token.blocks === null
        ? ""
        : `, each in ${token.blocks === "auto" ? "blocks of one GPU or CPU" : `${token.blocks} blocks`}`;
    const limit = token.uses_left === null ? "" : `, for ${token.uses_left} hosts`;
    ctx.out.write(
      `Run this on each host that is to join the fleet ${token.fleet} (valid ${ttlText(token, ctx.clock.now())}${limit}${divided}):\n\n  ${token.join_command}\n`,
    );
  },
});
