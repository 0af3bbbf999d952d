/** A queue whose ends cost the same however long it is: `Array.shift` moves all the rest. */
export class Fifo<T> {
  #items: (T | undefined)[] = [];
  #from = 0;

  get length(): number {
    return this.#items.length - this.#from;
  }

  get first(): T | undefined {
    return this.#items[this.#from];
  }

  push(item: T): void {
    this.#items.push(item);
  }

  shift(): T | undefined {
    const item = this.#items[this.#from];
    if (this.#from < this.#items.length) this.#items[this.#from++] = undefined;
    if (this.#from === this.#items.length || this.#from > 1024) {
      this.#items = this.#items.slice(this.#from);
      this.#from = 0;
    }
    return item;
  }

  *[Symbol.iterator](): Generator<T, void> {
    for (let at = this.#from; at < this.#items.length; at += 1) yield this.#items[at] as T;
  }

  clear(): void {
    [this.#items, this.#from] = [[], 0];
  }
}
