import { AppError } from "../../shared/errors.ts";
import type { Context } from "../context.ts";
import { startLive } from "../output/live.ts";
import { confirm, NoAnswer, printExiting } from "../output/prompt.ts";
import { delayOn } from "../process/delayOn.ts";
import { Interrupted, interruptible } from "../process/interruptible.ts";
import { printChanges } from "./printChanges.ts";

// What volumes and gateways have in common when they are applied (docs/spec/cli.md §5).

export interface MadeWish {
  readonly yes: boolean;
  readonly force: boolean;
  readonly detach: boolean;
}

/** Of one kind of thing, over the server. */
export interface MadeKind<T> {
  readonly noun: "volume" | "gateway";
  find(name: string): Promise<T | undefined>;
  remove(name: string): Promise<void>;
  isSettled(thing: T): boolean;
  /** Undefined: it has not failed. */
  failureOf(thing: T): string | undefined;
  table(thing: T): string;
}

export interface MadeProposal {
  /** What there is and what differs, as lines to print. */
  readonly finding: readonly string[];
  readonly question: string;
  readonly action: "create" | "update" | "recreate";
  readonly isUnchanged: boolean;
}

interface Applying<T> {
  readonly kind: MadeKind<T>;
  readonly proposal: MadeProposal;
  readonly current: { readonly name: string; readonly configuration: object } | undefined;
  readonly configuration: object;
  readonly make: () => Promise<T>;
  readonly wish: MadeWish;
}

const POLL_MS = 1_000;

/** Says what is found, asks, makes it and waits until it is there or has failed. Returns the exit code. */
export const applyMade = async <T extends { readonly name: string }>(
  ctx: Context,
  applying: Applying<T>,
): Promise<number> => {
  const { kind, proposal, current, make, wish } = applying;
  if (proposal.isUnchanged && wish.yes && !wish.force) {
    ctx.out.write("No configuration changes detected. Use --force to apply anyway.\n");
    return 0;
  }
  for (const line of proposal.finding) ctx.out.write(`${line}\n`);
  if (current && !proposal.isUnchanged)
    await printChanges(ctx, current, { configuration: applying.configuration });
  if (!wish.yes && !(await confirm(ctx, proposal.question))) {
    printExiting(ctx);
    return 0;
  }
  const thing = await interruptible(ctx, async (signal) => {
    if (proposal.action === "recreate" && current)
      await removeAndWait(ctx, kind, { name: current.name, signal });
    using _ = startLive(ctx, "Applying plan...");
    return await make();
  });
  if (proposal.action === "update") {
    ctx.out.write(`${kind.table(thing)}\n`);
    return 0;
  }
  if (wish.detach) {
    ctx.out.write(`${capitalised(kind.noun)} configuration submitted. Exiting...\n`);
    return 0;
  }
  try {
    return tell(
      ctx,
      kind,
      await interruptible(ctx, (signal) => waitUntilSettled(ctx, kind, { thing, signal })),
    );
  } catch (err) {
    if (!(err instanceof Interrupted)) throw err;
    return leave(ctx, kind, { name: thing.name, yes: wish.yes });
  }
};

const removeAndWait = async <T>(
  ctx: Context,
  kind: MadeKind<T>,
  { name, signal }: { name: string; signal: AbortSignal },
): Promise<void> => {
  using _ = startLive(ctx, `Deleting the ${kind.noun}...`);
  await kind.remove(name);
  while (!signal.aborted && (await kind.find(name))) await delayOn(ctx.clock, POLL_MS, signal);
};

const waitUntilSettled = async <T extends { readonly name: string }>(
  ctx: Context,
  kind: MadeKind<T>,
  { thing, signal }: { thing: T; signal: AbortSignal },
): Promise<T> => {
  let latest = thing;
  const label = `Provisioning ${thing.name}...`;
  using live = startLive(ctx, label);
  while (!kind.isSettled(latest) && !signal.aborted) {
    live.show(label, kind.table(latest));
    await delayOn(ctx.clock, POLL_MS, signal);
    const found = await kind.find(thing.name);
    if (!found)
      throw new AppError("not_found", `${capitalised(kind.noun)} ${thing.name} was deleted meanwhile`);
    latest = found;
  }
  return latest;
};

const tell = <T>(ctx: Context, kind: MadeKind<T>, thing: T): number => {
  ctx.out.write(`${kind.table(thing)}\n`);
  const failure = kind.failureOf(thing);
  if (failure === undefined) return 0;
  ctx.out.write(`Provisioning failed. Error: ${failure}\n`);
  return 1;
};

/** After Ctrl-C: leaves it to the server, or deletes it first if that is wanted. */
const leave = async <T>(
  ctx: Context,
  kind: MadeKind<T>,
  { name, yes }: { name: string; yes: boolean },
): Promise<number> => {
  ctx.out.write("\n");
  if (!yes && (await wantsDeletion(ctx, kind.noun))) {
    await kind.remove(name);
    ctx.out.write(`${capitalised(kind.noun)} ${name} deleted\n`);
    return 0;
  }
  ctx.out.write(`Exiting... ${capitalised(kind.noun)} provisioning will continue in the background.\n`);
  return 0;
};

const wantsDeletion = async (ctx: Context, noun: string): Promise<boolean> => {
  try {
    return await confirm(ctx, `Delete the ${noun} before exiting?`);
  } catch (err) {
    // Nobody there to answer: it stays.
    if (err instanceof NoAnswer) return false;
    throw err;
  }
};

const capitalised = (noun: string): string => `${noun.charAt(0).toUpperCase()}${noun.slice(1)}`;
