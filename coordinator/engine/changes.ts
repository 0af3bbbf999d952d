import type { Statement } from "../store/db.ts";

/** What one pass wants: statements for one transaction, and what is to happen once they are committed. */
export interface Changes {
  statements: Statement[];
  effects: (() => void)[];
  /** Takes back what was done in memory before the commit, when there is none. */
  undo?: (() => void)[];
}

export const NOTHING: Changes = { statements: [], effects: [] };

export const merge = (all: readonly Changes[]): Changes => ({
  statements: all.flatMap((changes) => changes.statements),
  effects: all.flatMap((changes) => changes.effects),
  undo: all.flatMap((changes) => changes.undo ?? []),
});
