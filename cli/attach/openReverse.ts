import { list } from "../args/option.ts";
import type { Context } from "../context.ts";
import { parseReverseForward, type ReverseForward } from "../tunnel/reverseForward.ts";
import type { ReversePorts } from "../tunnel/reversePorts.ts";

/** `flags`: what it is called, which is not `-R` everywhere: there it is another option of the reference. */
export const reverseOption = (flags: string) =>
  list(
    `${flags} REMOTE[:LOCAL]`,
    "A port of the job's localhost that leads here, like 9000, 9000:3000 or 9000:HOST:3000",
    parseReverseForward,
  );

/** Most attachments have none: then nothing of it is loaded. */
export const openReverse = async (
  ctx: Context,
  forwards: readonly ReverseForward[],
): Promise<ReversePorts | undefined> => {
  if (forwards.length === 0) return undefined;
  const { ReversePorts } = await import("../tunnel/reversePorts.ts");
  return new ReversePorts(ctx, forwards);
};
