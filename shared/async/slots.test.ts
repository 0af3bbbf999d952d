import { expect, test } from "bun:test";
import { Slots } from "./slots.ts";

const NEVER = new AbortController().signal;

test("no more run at a time than there are slots, and all of them do in the end", async () => {
  const slots = new Slots(2);
  let running = 0;
  let most = 0;
  const task = async () => {
    running += 1;
    most = Math.max(most, running);
    await Promise.resolve();
    running -= 1;
  };
  await Promise.all(Array.from({ length: 9 }, () => slots.run(NEVER, task)));
  expect([running, most]).toEqual([0, 2]);
});

test("who gives up waiting takes no slot, and who fails leaves his", async () => {
  const slots = new Slots(1);
  const first = Promise.withResolvers<void>();
  const held = slots.run(NEVER, () => first.promise);
  const leaving = new AbortController();
  const left = slots.run(leaving.signal, () => Promise.reject(new Error("must not run")));
  const next = slots.run(NEVER, () => Promise.resolve("next"));
  leaving.abort(new Error("gone"));
  await expect(left).rejects.toThrow("gone");
  first.reject(new Error("failed"));
  await expect(held).rejects.toThrow("failed");
  expect(await next).toBe("next");
  await expect(slots.run(leaving.signal, () => Promise.resolve())).rejects.toThrow("gone");
});
