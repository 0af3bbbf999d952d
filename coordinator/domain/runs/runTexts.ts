import type { RowCache } from "../../store/rowCache.ts";

interface Kept {
  /** What else the text depends on. */
  key: string;
  text: string;
  /** The moment of the row cache at which it was read. */
  at: number;
}

/** As many as a few pages of lists; a text has some 6 KB. */
const MOST_TEXTS = 2_000;

/**
 * Runs that are over, as they are told in lists: clients ask for the same page again and again, and nothing about such a
 * run changes unless it is written (store/rowCache.ts tells that).
 */
export class RunTexts {
  readonly #rows: Pick<RowCache, "isUnwrittenSince">;
  readonly #texts = new Map<string, Kept>();

  constructor(rows: Pick<RowCache, "isUnwrittenSince">) {
    this.#rows = rows;
  }

  find(runId: string, key: string): string | undefined {
    const kept = this.#texts.get(runId);
    if (!kept) return undefined;
    if (kept.key === key && this.#rows.isUnwrittenSince(runId, kept.at)) return kept.text;
    this.#texts.delete(runId);
    return undefined;
  }

  keep(runId: string, kept: Kept): void {
    const [oldest] = this.#texts.keys();
    if (this.#texts.size >= MOST_TEXTS && oldest !== undefined) this.#texts.delete(oldest);
    this.#texts.set(runId, kept);
  }
}
