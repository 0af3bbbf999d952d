import { expect, test } from "bun:test";
import { parseReverseForward } from "./reverseForward.ts";

test.each([
  ["9000", { remote: 9000, host: "localhost", local: 9000 }],
  ["9000:80", { remote: 9000, host: "localhost", local: 80 }],
  ["9000:db.lan:5432", { remote: 9000, host: "db.lan", local: 5432 }],
  ["9000:[::1]:80", { remote: 9000, host: "::1", local: 80 }],
])("%s", (text, forward) => {
  expect(parseReverseForward(text)).toEqual(forward);
});

test.each([
  ["", "expected REMOTE, REMOTE:LOCAL or REMOTE:HOST:LOCAL, got ''"],
  ["80", "expected a port of the job from 1024 to 65535, got '80'"],
  ["65536", "expected a port of the job from 1024 to 65535, got '65536'"],
  ["9000:0", "expected a port from 1 to 65535, got '0'"],
  ["9000:70000", "expected a port from 1 to 65535, got '70000'"],
  ["a:1", "expected REMOTE, REMOTE:LOCAL or REMOTE:HOST:LOCAL, got 'a:1'"],
  ["9000:a:b:1", "expected REMOTE, REMOTE:LOCAL or REMOTE:HOST:LOCAL, got '9000:a:b:1'"],
])("%j is refused", (text, message) => {
  expect(() => parseReverseForward(text)).toThrow(message);
});
