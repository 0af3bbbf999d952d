import { expect, test } from "bun:test";
import { showBytes } from "./showBytes.ts";

test.each([
  [0, "0B"],
  [1023, "1023B"],
  [1024, "1.0KiB"],
  [3 * 1024 ** 2, "3.0MiB"],
  [2.5 * 1024 ** 3, "2.5GiB"],
  [5000 * 1024 ** 4, "5000.0TiB"],
])("showBytes(%d) is %s", (bytes, text) => {
  expect(showBytes(bytes)).toBe(text);
});
