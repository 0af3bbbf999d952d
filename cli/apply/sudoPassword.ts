import type { Context } from "../context.ts";
import { askHidden } from "../output/prompt.ts";

/** Asked for once, for all hosts of the fleet; scripts say it in the environment. */
export const sudoPasswordFor = async (
  ctx: Context,
  wish: { askSudoPassword: boolean },
): Promise<string | undefined> => {
  const given = ctx.env["DSTACK_SUDO_PASSWORD"];
  if (given) return given;
  if (!wish.askSudoPassword) return undefined;
  return (await askHidden(ctx, "Password for sudo on the hosts: ")) || undefined;
};
