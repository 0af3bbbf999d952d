import { expect, test } from "bun:test";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { LoginSlots } from "./loginSlots.ts";

const NEVER = new AbortController().signal;

/** Tasks that end when they are told to. */
const manyAt = (slots: LoginSlots) => {
  const under = new Map<string, () => void>();
  let most = 0;
  const enter = (name: string, jump: string | null) =>
    slots.run(jump === null ? null : { hostname: jump, port: 22 }, NEVER, async () => {
      const { promise, resolve } = Promise.withResolvers<void>();
      under.set(name, resolve);
      most = Math.max(most, under.size);
      await promise;
      under.delete(name);
    });
  const endAll = async (all: readonly Promise<void>[]) => {
    let left = all.length;
    for (const task of all) void task.then(() => left--);
    while (left > 0) {
      for (const end of under.values()) end();
      await Promise.resolve();
    }
  };
  return { enter, endAll, under, most: () => most };
};

test("through one jump host fewer log in at a time than sshd lets wait, however it is written", async () => {
  const many = manyAt(new LoginSlots());
  const all = Array.from({ length: 30 }, (_, at) => many.enter(`${at}`, at % 2 ? "bastion" : "BASTION"));
  const direct = many.enter("direct", null);
  await waitFor("the first of them", () => many.under.size === 7);
  expect([...many.under.keys()]).toContain("direct");
  await many.endAll([...all, direct]);
  expect(many.most()).toBe(7);
});

test("in all there are no more than this process has time for", async () => {
  const many = manyAt(new LoginSlots());
  await many.endAll(Array.from({ length: 100 }, (_, at) => many.enter(`${at}`, at < 60 ? null : `b${at}`)));
  expect(many.most()).toBe(24);
});
