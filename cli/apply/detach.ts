import type { Run } from "../../shared/api/runs.ts";
import type { Api } from "../api/client.ts";
import { stopRun } from "../api/runs.ts";
import type { Context } from "../context.ts";
import { confirm, NoAnswer } from "../output/prompt.ts";
import { stopAndWait } from "./stopAndWait.ts";

interface Detaching {
  readonly api: Api;
  readonly run: Run;
  readonly yes: boolean;
}

/** After Ctrl-C: leaves the run, or stops it first if that is wanted (docs/spec/cli.md §4). Returns the exit code. */
export const detachFrom = async (ctx: Context, { api, run, yes }: Detaching): Promise<number> => {
  ctx.out.write("\n");
  const name = run.run_spec.run_name ?? "";
  if (yes || !(await wantsStop(ctx, name))) {
    ctx.out.write("Detached\n");
    return 0;
  }
  using interrupt = ctx.interrupts.listen();
  try {
    await stopAndWait(ctx, { api, run, signal: interrupt.signal });
    ctx.out.write("Stopped\n");
  } catch (err) {
    if (!interrupt.signal.aborted) throw err;
    await stopRun(api, name, true);
    ctx.out.write("Aborted\n");
  }
  return 0;
};

const wantsStop = async (ctx: Context, name: string): Promise<boolean> => {
  try {
    return await confirm(ctx, `Stop the run ${name} before detaching?`);
  } catch (err) {
    // Nobody there to answer: the run is not ours to end.
    if (err instanceof NoAnswer) return false;
    throw err;
  }
};
