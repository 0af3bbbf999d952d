import { expect, test } from "bun:test";
import { KeyedQueue } from "./keyedQueue.ts";

test("tasks of one key run in order, those of another key side by side", async () => {
  const queue = new KeyedQueue();
  const seen: string[] = [];
  const gate = Promise.withResolvers<void>();
  const slow = queue.run("a", async () => {
    await gate.promise;
    seen.push("a1");
  });
  const next = queue.run("a", async () => seen.push("a2"));
  await queue.run("b", async () => seen.push("b1"));
  gate.resolve();
  await Promise.all([slow, next]);
  expect(seen).toEqual(["b1", "a1", "a2"]);
});

test("a failed task rejects for its caller only", async () => {
  const queue = new KeyedQueue();
  const failed = queue.run("a", async () => {
    throw new Error("no");
  });
  const after = queue.run("a", async () => "yes");
  expect(failed).rejects.toThrow("no");
  expect(await after).toBe("yes");
  await queue.idle();
});
