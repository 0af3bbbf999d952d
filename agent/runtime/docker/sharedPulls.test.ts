import { expect, test } from "bun:test";
import type { PullProgress } from "../../../shared/protocol/report.ts";
import type { PullHooks, PullRequest } from "./pull.ts";
import { sharePulls } from "./sharedPulls.ts";

const progress = (downloaded_bytes: number): PullProgress => ({
  downloaded_bytes,
  extracted_bytes: 0,
  total_bytes: 9,
  is_total_bytes_final: true,
});

/** Pulls that end when the test says so. */
const setUp = () => {
  const begun: { request: PullRequest; hooks: PullHooks; end: PromiseWithResolvers<void> }[] = [];
  const pull = sharePulls((request, hooks) => {
    const end = Promise.withResolvers<void>();
    begun.push({ request, hooks, end });
    hooks.signal.addEventListener("abort", () => end.reject(hooks.signal.reason));
    return end.promise;
  });
  const want = (image: string, auth?: PullRequest["auth"]) => {
    const giveUp = new AbortController();
    const seen: (number | undefined)[] = [];
    const onPulling = (now?: PullProgress) => seen.push(now?.downloaded_bytes);
    return { giveUp, seen, done: pull({ image, auth }, { signal: giveUp.signal, onPulling }) };
  };
  const at = (index: number) => {
    const one = begun[index];
    if (!one) throw new Error(`No pull ${index} has begun`);
    return one;
  };
  return { begun, want, at };
};

test("two jobs, one pull, and both see it; another image or other credentials are another pull", async () => {
  const { begun, want, at } = setUp();
  const first = want("a");
  at(0).hooks.onPulling(progress(3));
  const second = want("a");
  at(0).hooks.onPulling(progress(6));
  want("b");
  want("a", { username: "me", password: "x" });
  expect(begun).toHaveLength(3);
  expect([first.seen, second.seen]).toEqual([
    [3, 6],
    [3, 6],
  ]);
  at(0).end.resolve();
  await Promise.all([first.done, second.done]);
  want("a");
  expect(begun).toHaveLength(4);
});

test("who gives up leaves the others, the last one ends the pull", async () => {
  const { want, at, begun } = setUp();
  const [first, second] = [want("a"), want("a")];
  first.giveUp.abort(new Error("enough"));
  await expect(first.done).rejects.toThrow("enough");
  expect(at(0).hooks.signal.aborted).toBe(false);
  second.giveUp.abort(new Error("me too"));
  await expect(second.done).rejects.toThrow("me too");
  expect(at(0).hooks.signal.aborted).toBe(true);
  want("a");
  expect(begun).toHaveLength(2);
});

test("a pull that fails fails for all who waited", async () => {
  const { want, at } = setUp();
  const [first, second] = [want("a"), want("a")];
  const outcomes = Promise.allSettled([first.done, second.done]);
  at(0).end.reject(new Error("no such image"));
  const reason = new Error("no such image");
  expect(await outcomes).toEqual([
    { status: "rejected", reason },
    { status: "rejected", reason },
  ]);
});
