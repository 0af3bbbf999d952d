import type { Context } from "../context.ts";

interface Applied {
  readonly configuration: object;
  readonly profile?: object | null;
}

/** Under the list of what differs, what becomes of each; nothing is loaded for it where nothing differs. */
export const printChanges = async (ctx: Context, before: Applied, after: Applied): Promise<void> => {
  const { renderChanges } = await import("../views/changes.ts");
  const changes = [
    renderChanges(ctx.out, before.configuration, after.configuration),
    renderChanges(ctx.out, before.profile ?? {}, after.profile ?? {}),
  ].join("");
  if (changes !== "") ctx.out.write(`${changes}\n`);
};
