import { expect, test } from "bun:test";
import { parseSince } from "./since.ts";

const NOW = Date.UTC(2026, 0, 31, 12);

test.each([
  ["300", "2026-01-31T11:55:00.000000Z"],
  ["5m", "2026-01-31T11:55:00.000000Z"],
  ["2h", "2026-01-31T10:00:00.000000Z"],
  ["1w", "2026-01-24T12:00:00.000000Z"],
  ["2026-01-30T01:02:03Z", "2026-01-30T01:02:03.000000Z"],
  ["2026-01-30T01:02:03.5+02:00", "2026-01-29T23:02:03.500000Z"],
])("parseSince(%j)", (given, time) => {
  expect(parseSince(given, NOW)).toBe(time);
});

test.each([
  ["soon", "Invalid datetime format: soon"],
  ["-5", "Invalid datetime format: -5"],
  ["2026-13-40T00:00:00Z", "Invalid datetime format: 2026-13-40T00:00:00Z"],
  ["2026-01-30", "Timestamp is not offset-aware. Specify timezone."],
])("parseSince(%j) is refused", (given, message) => {
  expect(() => parseSince(given, NOW)).toThrow(message);
});
