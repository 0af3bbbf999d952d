import type { Context } from "../context.ts";

/** Ctrl-C at a prompt (docs/spec/cli.md §1). */
export class Cancelled extends Error {
  override readonly name = "Cancelled";
  override readonly message = "Cancelled by user";
}

/** Nobody is there to answer. */
export class NoAnswer extends Error {
  override readonly name = "NoAnswer";
}

interface ConfirmOptions {
  /** What an empty line stands for; without it, the question is asked again. */
  readonly fallback?: boolean;
}

/** `<question> [y/n]: `, until the answer is one of the two. */
export const confirm = async (
  ctx: Context,
  question: string,
  options: ConfirmOptions = {},
): Promise<boolean> => {
  const fallback = options.fallback;
  const preset = fallback === undefined ? "" : ` (${fallback ? "y" : "n"})`;
  for (;;) {
    const answer = (await ask(ctx, `${question} [y/n]${preset}: `)).trim().toLowerCase();
    if (answer === "y") return true;
    if (answer === "n") return false;
    if (answer === "" && fallback !== undefined) return fallback;
    ctx.out.write("Please enter Y or N\n");
  }
};

/** For a password: what is typed is not shown. */
export const askHidden = async (ctx: Context, prompt: string): Promise<string> => {
  using _ = ctx.input.hideTyping();
  const answer = await ask(ctx, prompt);
  if (ctx.input.isTerminal) ctx.out.write("\n");
  return answer;
};

export const ask = async (ctx: Context, prompt: string): Promise<string> => {
  using interrupt = ctx.interrupts.listen();
  ctx.out.write(prompt);
  const line = await ctx.input.readLine(interrupt.signal);
  if (line !== undefined) {
    // A terminal shows what was typed, and its newline; a pipe does not.
    if (!ctx.input.isTerminal) ctx.out.write("\n");
    return line;
  }
  ctx.out.write("\n");
  if (interrupt.signal.aborted) throw new Cancelled();
  throw new NoAnswer("Cannot ask: standard input is at its end. Use -y to go ahead without a question");
};

/** After a "no": on a line of its own, with an empty one before it where the answer was typed (docs/spec/cli.md §1). */
export const printExiting = (ctx: Context): void =>
  ctx.out.write(ctx.input.isTerminal ? "\nExiting...\n" : "Exiting...\n");
