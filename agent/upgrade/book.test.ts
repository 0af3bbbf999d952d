import { expect, test } from "bun:test";
import { join } from "node:path";
import { silentLogger } from "../../shared/log.ts";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { UpgradeBook } from "./book.ts";

const HOUR = 3_600_000;
const release = { version: "2.0.0", sha256: "ab", from: "1.0.0" };

test("a trial is known to the next process, with how often it was started, until it is over", () => {
  using dir = tempDir();
  const open = () => new UpgradeBook(dir.path, silentLogger);
  expect(open().trial).toBeUndefined();
  open().begin(release);
  const { trial } = open();
  expect(trial).toEqual({ ...release, starts: 0 });
  if (trial) open().countStart(trial);
  expect(open().trial?.starts).toBe(1);
  open().endTrial();
  expect(open().trial).toBeUndefined();
  expect(open().lastFailure).toBeUndefined();
});

test("a release that has failed is not tried again for an hour, then for two", () => {
  using dir = tempDir();
  const book = new UpgradeBook(dir.path, silentLogger);
  book.begin(release);
  book.fail(release, "It hangs", 0);
  expect(book.trial).toBeUndefined();
  expect(book.failureOf("ab", HOUR - 1)).toMatchObject({ version: "2.0.0", message: "It hangs" });
  expect(book.failureOf("ab", HOUR)).toBeUndefined();
  expect(book.failureOf("cd", 0)).toBeUndefined();
  book.fail(release, "It hangs still", HOUR);
  expect(book.failureOf("ab", 2 * HOUR)).toMatchObject({ times: 2 });
  expect(book.failureOf("ab", 3 * HOUR)).toBeUndefined();
});

test("what cannot be read is forgotten, and written anew", async () => {
  using dir = tempDir();
  await Bun.write(join(dir.path, "upgrade.json"), "{");
  const book = new UpgradeBook(dir.path, silentLogger);
  expect(book.trial).toBeUndefined();
  book.begin(release);
  expect(book.trial?.version).toBe("2.0.0");
});
