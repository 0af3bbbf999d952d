import { expect, test } from "bun:test";
import { Turns } from "./turns.ts";

const one = (share: string, name: string) => ({ share, name });

/** Whose turn it is `count` times, while everybody always has more. */
const play = (turns: Turns<ReturnType<typeof one>>, count: number): string[] =>
  Array.from({ length: count }, () => {
    const next = turns.next();
    if (next) turns.add(next);
    return next?.name ?? "";
  });

test("those who share a link have as much of it as each other, however many streams they have", () => {
  const turns = new Turns<ReturnType<typeof one>>();
  for (const name of ["a1", "a2", "a3"]) turns.add(one("ada", name));
  turns.add(one("bob", "b1"));
  expect(play(turns, 8)).toEqual(["a1", "b1", "a2", "b1", "a3", "b1", "a1", "b1"]);
});

test("who is there once is there once; who is gone has no turn", () => {
  const turns = new Turns<ReturnType<typeof one>>();
  const [a, b] = [one("ada", "a"), one("bob", "b")];
  for (const member of [a, a, b, a]) turns.add(member);
  turns.delete(b);
  expect(turns.next()).toBe(a);
  expect(turns.isEmpty).toBe(true);
  expect(turns.next()).toBeUndefined();
});
