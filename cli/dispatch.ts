import { VERSION } from "../shared/version.ts";
import type { Group } from "./args/command.ts";
import { groupHelpOf, groupUsageOf, helpOf, usageOf } from "./args/help.ts";
import { parse, UsageError } from "./args/parse.ts";
import { resolve, UnknownCommand } from "./args/resolve.ts";
import { Unrecognized } from "./args/unrecognized.ts";
import type { Context } from "./context.ts";

/** Runs one command line from its first word to the exit code. */
export const runCommandLine = async (root: Group, argv: readonly string[], ctx: Context): Promise<number> => {
  let program = "dstack";
  let usage = groupUsageOf(program, root);
  try {
    const resolved = await resolve(root, argv);
    if (resolved.kind === "version") {
      ctx.out.write(`${VERSION}\n`);
      return 0;
    }
    program = resolved.program;
    if (resolved.kind === "group") {
      ctx.out.write(groupHelpOf(program, resolved.group));
      return 0;
    }
    const { command } = await resolved.leaf.load();
    usage = usageOf(program, command);
    const parsed = parse(resolved.argv, command);
    if (parsed.kind === "help") {
      ctx.out.write(helpOf(program, command, parsed.topic));
      return 0;
    }
    if (parsed.unrecognized.length > 0) throw new Unrecognized(parsed.unrecognized, command.options);
    if (!command.isQuiet) ctx.log("DEBUG", program);
    const code = (await command.run(ctx, parsed.values, { program, argv: resolved.argv, root })) ?? 0;
    if (!command.isQuiet) ctx.log("DEBUG", `${program} ended with ${code}`);
    return code;
  } catch (err) {
    if (err instanceof UnknownCommand) {
      program = err.program;
      usage = groupUsageOf(program, err.group);
    }
    if (err instanceof UsageError) {
      ctx.err.write(`${usage}\n${program}: error: ${err.message}\n`);
      return 2;
    }
    if (err instanceof Unrecognized) {
      ctx.out.write(`${err.message}\n`);
      return 1;
    }
    const { printError } = await import("./output/errors.ts");
    return printError(ctx, err);
  }
};
