import type { Context } from "../context.ts";
import { ask } from "./prompt.ts";

interface Item<T> {
  readonly label: string;
  /** What may be typed beside its number. */
  readonly name: string;
  readonly value: T;
  /** What an empty line stands for. */
  readonly isPreset?: boolean;
}

/** Asks for one of several by number or name, until it is one; works on every terminal, and for those who cannot see it. */
export const chooseOne = async <T>(ctx: Context, title: string, items: readonly Item<T>[]): Promise<T> => {
  ctx.out.write(`${title}\n`);
  for (const [at, { label, isPreset }] of items.entries())
    ctx.out.write(`${isPreset ? "*" : " "} ${at + 1}  ${label}\n`);
  for (;;) {
    const answer = (await ask(ctx, "Number or name: ")).trim();
    const chosen =
      answer === ""
        ? items.find(({ isPreset }) => isPreset)
        : (items[Number(answer) - 1] ?? items.find(({ name }) => name === answer));
    if (chosen) return chosen.value;
  }
};
