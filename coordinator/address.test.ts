import { expect, test } from "bun:test";
import { addressOf } from "./address.ts";

test("addressOf() gives what was listened on, with brackets where an address needs them", () => {
  expect(addressOf("127.0.0.1", 3000)).toBe("http://127.0.0.1:3000");
  expect(addressOf("::1", 3000)).toBe("http://[::1]:3000");
  expect(addressOf("lab.example", 80)).toBe("http://lab.example:80");
});

test("addressOf() of every address gives one that others can reach, or the loopback", () => {
  expect(addressOf("0.0.0.0", 3000)).toMatch(/^http:\/\/\d+\.\d+\.\d+\.\d+:3000$/);
  expect(addressOf("0.0.0.0", 3000)).not.toContain("0.0.0.0");
  expect(addressOf("::", 3000)).not.toContain("[::]");
});
