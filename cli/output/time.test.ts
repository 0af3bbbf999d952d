import { expect, test } from "bun:test";
import { ago, longDuration } from "./time.ts";

const MINUTE = 60;
const HOUR = 3600;
const DAY = 24 * HOUR;

// docs/spec/cli.md §7.1
test.each([
  [-5, ""],
  [0, "now"],
  [9, "now"],
  [10, "10 sec ago"],
  [30, "30 sec ago"],
  [MINUTE, "1 min ago"],
  [3 * MINUTE + 20, "3 mins ago"],
  [59 * MINUTE + 40, "60 mins ago"],
  [HOUR, "1 hour ago"],
  [5 * HOUR, "5 hours ago"],
  [23 * HOUR + 50 * MINUTE, "24 hours ago"],
  [DAY, "yesterday"],
  [3 * DAY, "3 days ago"],
  [7 * DAY, "1 week ago"],
  [15 * DAY, "2 weeks ago"],
  [31 * DAY, "1 month ago"],
  [62 * DAY, "2 months ago"],
  [366 * DAY, "1 year ago"],
  [1100 * DAY, "3 years ago"],
])("ago() of %d seconds", (seconds, text) => {
  expect(ago(1_700_000_000_000 - seconds * 1000, 1_700_000_000_000)).toBe(text);
});

test.each([
  [0, "0s"],
  [45, "45s"],
  [HOUR + 15 * MINUTE + 45, "1h 15m 45s"],
  [2 * DAY + 5, "2d 5s"],
])("longDuration(%d)", (seconds, text) => {
  expect(longDuration(seconds)).toBe(text);
});
