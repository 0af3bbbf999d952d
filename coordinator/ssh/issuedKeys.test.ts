import { expect, test } from "bun:test";
import ssh2 from "ssh2";
import { FakeClock } from "../../shared/testing/fakeClock.ts";
import { IssuedKeys } from "./issuedKeys.ts";

const [ONE, OTHER] = ["5d8a7d0a-3a6f-4b54-8f6e-3c3e6f0a1b2c", "6d8a7d0a-3a6f-4b54-8f6e-3c3e6f0a1b2c"];

const publicOf = (privateKey: string): string => {
  const parsed = ssh2.utils.parseKey(privateKey);
  if (parsed instanceof Error) throw parsed;
  return `${parsed.type} ${parsed.getPublicSSH().toString("base64")}`;
};

test("a key is good for its job, for a minute; one that is still good is given again", () => {
  const clock = new FakeClock();
  const keys = new IssuedKeys(clock);
  const first = keys.issue(ONE);
  expect(keys.submissionOf(publicOf(first))).toBe(ONE);
  expect(keys.issue(ONE)).toBe(first);
  expect(keys.submissionOf(publicOf(keys.issue(OTHER)))).toBe(OTHER);
  clock.advance(40_000);
  const second = keys.issue(ONE);
  expect(second).not.toBe(first);
  expect(keys.submissionOf(publicOf(first))).toBe(ONE);
  clock.advance(30_000);
  expect(keys.submissionOf(publicOf(first))).toBeUndefined();
  expect(keys.submissionOf(publicOf(second))).toBe(ONE);
  expect(keys.submissionOf("")).toBeUndefined();
});
