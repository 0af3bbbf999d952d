import type { Context } from "../context.ts";
import { startProgress } from "../output/progress.ts";
import type { OnProgress } from "./content.ts";

/**
 * Draws how far something is while it is done. What it has to say meanwhile, through the context that it is given, goes
 * above the drawing and not into it.
 */
export const withProgress = async <T>(
  ctx: Context,
  label: string,
  work: (ctx: Context, report: OnProgress) => Promise<T>,
): Promise<T> => {
  let progress = startProgress(ctx, label);
  let [done, total] = [0, 0];
  const err = {
    ...ctx.err,
    write: (data: string | Uint8Array) => {
      progress[Symbol.dispose]();
      ctx.err.write(data);
      progress = startProgress(ctx, label);
      progress.report(done, total);
    },
  };
  try {
    return await work({ ...ctx, err }, (doneNow, totalNow) => {
      [done, total] = [doneNow, totalNow];
      progress.report(done, total);
    });
  } finally {
    progress[Symbol.dispose]();
  }
};
