/** What has been written: one row, where the write says which, or anything of a table. */
export interface Written {
  table: string;
  id?: string;
}

type Listener = (written: Written) => void;

/**
 * Tells of what was written, once it is: for whoever has to act on what is stored from now on, however it came there. This
 * process is the only one that writes (ownership.ts). A write that failed may have happened, and is told, too.
 */
export class Writes {
  readonly #listeners = new Set<Listener>();

  /** Called at once after each write; returns how to stop that. */
  listen(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  tell(written: Written): void {
    for (const listener of this.#listeners) listener(written);
  }
}
