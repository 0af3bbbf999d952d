import { expect, test } from "bun:test";
import { type LogRecord, silentLogger, teeLogger } from "../../../shared/log.ts";
import { PullCutOff } from "./pull.ts";
import { whenReachable } from "./whenReachable.ts";

const options = { signal: new AbortController().signal, log: silentLogger, retryMs: 1 };
const cutOff = () => new PullCutOff("creating_container_error", 'Cannot pull the image "a": it stopped');
const away = () => Object.assign(new Error("connect ENOENT"), { code: "ENOENT", syscall: "connect" });

/** Answers with what each attempt is to do, in turn. */
const inTurn = (...errors: Error[]) => {
  let at = 0;
  return async () => {
    const err = errors[at++];
    if (err) throw err;
    return at;
  };
};

test("an engine that is away is waited for, and what it was pulling is pulled again", async () => {
  expect(await whenReachable(options, inTurn(cutOff(), away(), away(), cutOff()))).toBe(5);
});

test("an engine that ends in every pull fails the job, with its words and how often", async () => {
  const pulls = Array.from({ length: 5 }, cutOff);
  await expect(whenReachable(options, inTurn(...pulls))).rejects.toMatchObject({
    reason: "creating_container_error",
    message: 'Cannot pull the image "a": it stopped, 5 times',
  });
});

test("anything else passes", async () => {
  await expect(whenReachable(options, inTurn(new Error("no such image")))).rejects.toThrow("no such image");
});

test("it ends with its signal", async () => {
  const giveUp = new AbortController();
  const waiting = whenReachable({ ...options, signal: giveUp.signal, retryMs: 60_000 }, () => {
    queueMicrotask(() => giveUp.abort());
    return Promise.reject(away());
  });
  await expect(waiting).rejects.toMatchObject({ code: "unavailable", message: "Gave up preparing the job" });
});

test("the job's own log tells that its image is pulled again, and why", async () => {
  const said: LogRecord[] = [];
  const log = teeLogger(silentLogger, (record) => said.push(record));
  await whenReachable({ ...options, log }, inTurn(cutOff()));
  expect(said.map(({ message, fields }) => [message, fields["reason"]])).toEqual([
    ["A pull was cut off; the image is pulled again", 'Cannot pull the image "a": it stopped'],
  ]);
});
