import { type Db, type Statement, writeAll } from "../store/db.ts";
import type { NewEvent, TellEvents } from "../store/events.ts";

/** What one pass wants: statements for one transaction, and what is to happen once they are committed. */
export interface Changes {
  statements: Statement[];
  /** What people are told of it, in the same transaction. */
  events?: NewEvent[];
  effects: (() => void)[];
  /** Takes back what was done in memory before the commit, when there is none. */
  undo?: (() => void)[];
}

export const NOTHING: Changes = { statements: [], effects: [] };

export const merge = (all: readonly Changes[]): Changes => ({
  statements: all.flatMap((changes) => changes.statements),
  events: all.flatMap((changes) => changes.events ?? []),
  effects: all.flatMap((changes) => changes.effects),
  undo: all.flatMap((changes) => changes.undo ?? []),
});

/**
 * Writes all of it in one transaction, then acts. A crash in between loses none of the effects: they only bring what is
 * in memory up to what is stored, as a start does (docs/adr/0011-effects-after-commit.md).
 */
export const commit = async (
  { db, tell }: { db: Db; tell: TellEvents },
  { statements, events = [], effects, undo = [] }: Changes,
): Promise<void> => {
  try {
    // Before the statements, some of which tell of hosts that the jobs of these events come to and leave.
    await writeAll(db, [...tell(events), ...statements]);
  } catch (err) {
    for (const takeBack of undo) takeBack();
    throw err;
  }
  for (const effect of effects) effect();
};
