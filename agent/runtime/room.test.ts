import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { silentLogger } from "../../shared/log.ts";
import { noRoom, whenThereIsRoom } from "./room.ts";

const options = { signal: new AbortController().signal, log: silentLogger, retryMs: 1 };

test("whenThereIsRoom() tries again until there is, and passes everything else on", async () => {
  let tries = 0;
  const started = whenThereIsRoom(options, async () => {
    if (++tries === 1) writeFileSync("/dev/full", "x");
    if (tries === 2) throw noRoom("no room for the supervisor's record");
    return "started";
  });
  expect(await started).toBe("started");
  expect(tries).toBe(3);
  await expect(whenThereIsRoom(options, () => Promise.reject(new Error("no such image")))).rejects.toThrow(
    "no such image",
  );
});

test("whenThereIsRoom() ends with what is full when it has been so for long", async () => {
  const started = whenThereIsRoom({ ...options, patienceMs: 5 }, async () => writeFileSync("/dev/full", "x"));
  await expect(started).rejects.toMatchObject({
    reason: "creating_container_error",
    message: expect.stringContaining("ENOSPC"),
    hint: "The disk that the host's agent keeps its files on is full",
  });
});

test("whenThereIsRoom() gives up with its signal", async () => {
  const giveUp = new AbortController();
  const started = whenThereIsRoom({ ...options, signal: giveUp.signal, retryMs: 60_000 }, async () => {
    setImmediate(() => giveUp.abort(new Error("stopped")));
    throw noRoom("full");
  });
  await expect(started).rejects.toThrow("stopped");
});
