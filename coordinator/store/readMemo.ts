interface Table {
  answers: Map<string, readonly unknown[]>;
  /** How often it was written, or was about to be. */
  version: number;
}

/** Far more than there are people and projects; each answer is a row or two. */
const MOST_ANSWERS = 2_000;

/**
 * What was answered from tables that are small and seldom written: who somebody is, what they may enter. A write to such
 * a table forgets all of it. This process is the only one that writes (ownership.ts).
 */
export class ReadMemo {
  readonly #tables = new Map<string, Table>();

  /** To be given to `keep` with what is read from now on. */
  version(table: string): number {
    return this.#table(table).version;
  }

  find(table: string, key: string): readonly unknown[] | undefined {
    return this.#tables.get(table)?.answers.get(key);
  }

  /** Keeps what was read since `version`, unless the table was written meanwhile. */
  keep(
    table: string,
    { key, rows, version }: { key: string; rows: readonly unknown[]; version: number },
  ): void {
    const known = this.#table(table);
    if (known.version !== version) return;
    if (known.answers.size >= MOST_ANSWERS) known.answers.clear();
    known.answers.set(key, rows);
  }

  /** Before a write, and after it. */
  forget(table: string): void {
    const known = this.#tables.get(table);
    if (!known) return;
    known.version++;
    known.answers.clear();
  }

  #table(name: string): Table {
    const known = this.#tables.get(name);
    if (known) return known;
    const fresh = { answers: new Map(), version: 0 };
    this.#tables.set(name, fresh);
    return fresh;
  }
}
