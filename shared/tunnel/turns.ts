/** Whoever shares a link with others: whose turn it is goes from one to the next, and within each from stream to stream. */
interface Member {
  /** Streams of one share have one place in the round together. */
  readonly share: string;
}

/**
 * Who may send next. Everybody who shares the link gets as much of it as everybody else, and so do the streams of one of
 * them, however many those are.
 */
export class Turns<T extends Member> {
  /** In the order of their turns: a set, and a map, is iterated in the order of additions. */
  readonly #shares = new Map<string, Set<T>>();

  /** Behind the others of its share, unless it waits already. */
  add(member: T): void {
    const waiting = this.#shares.get(member.share);
    if (waiting) waiting.add(member);
    else this.#shares.set(member.share, new Set([member]));
  }

  delete(member: T): void {
    const waiting = this.#shares.get(member.share);
    waiting?.delete(member);
    if (waiting?.size === 0) this.#shares.delete(member.share);
  }

  /** Takes the next one out; its share is behind the others from then on. */
  next(): T | undefined {
    const [first] = this.#shares;
    if (!first) return undefined;
    const [share, waiting] = first;
    const [member] = waiting;
    this.#shares.delete(share);
    if (!member) return undefined;
    waiting.delete(member);
    if (waiting.size > 0) this.#shares.set(share, waiting);
    return member;
  }

  get isEmpty(): boolean {
    return this.#shares.size === 0;
  }
}
