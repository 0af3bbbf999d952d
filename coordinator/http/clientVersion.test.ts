import { expect, test } from "bun:test";
import fc from "fast-check";
import { isTooNew, parseClientVersion } from "./clientVersion.ts";

const SERVER = [0, 22, 5] as const;

// docs/spec/http-api.md §1.3, docs/spec/changes-0.22.md §1
const CASES: [header: string | undefined, answer: "ok" | "refused" | "invalid"][] = [
  [undefined, "ok"],
  ["latest", "ok"],
  ["0.0.0", "ok"],
  ["0.0.0.dev1", "ok"],
  ["0.21.2", "ok"],
  ["0.20.0", "ok"],
  ["0.22.0", "ok"],
  ["0.22.9", "ok"],
  ["0.22", "ok"],
  ["v0.22.5rc1", "ok"],
  ["0.22.5.post1+cuda.12", "ok"],
  ["0.23.0", "refused"],
  ["0.23.0rc1", "refused"],
  ["1.0.0", "refused"],
  ["99.0.0", "refused"],
  ["1!0.1", "refused"],
  ["strange", "invalid"],
  ["", "invalid"],
  ["0.22.x", "invalid"],
  ["0..1", "invalid"],
];

for (const [header, answer] of CASES)
  test(`X-API-VERSION ${header ?? "absent"} is ${answer}`, () => {
    const version = parseClientVersion(header);
    expect(version === undefined ? "invalid" : isTooNew(version, SERVER) ? "refused" : "ok").toBe(answer);
  });

test("a patch never matters, an older minor never is refused", () => {
  fc.assert(
    fc.property(fc.nat(22), fc.nat(999), (minor, patch) => {
      const version = parseClientVersion(`0.${minor}.${patch}`);
      expect(version && isTooNew(version, SERVER)).toBe(false);
    }),
  );
});

test("any text is parsed or refused, quickly", () => {
  fc.assert(fc.property(fc.string({ maxLength: 300 }), (text) => void parseClientVersion(text)));
});
