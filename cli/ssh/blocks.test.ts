import { expect, test } from "bun:test";
import fc from "fast-check";
import { ownersIn, withBlock, withoutOwners } from "./blocks.ts";

const add = (text: string, host: string, owner: string): string =>
  withBlock(text, {
    host,
    owner,
    options: [
      ["User", "root"],
      ["IdentitiesOnly", "yes"],
    ],
  });

const STOCK = "Host other\n    HostName localhost\n    Port 10022\n";

test("a block names its owner; a stock client's has none", () => {
  expect(add("", "web", "1-a")).toBe(
    "Host web\n    # attached by 1-a\n    User root\n    IdentitiesOnly yes\n",
  );
  const text = add(add(STOCK, "web", "1-a"), "web-0-1", "2-b");
  expect([...ownersIn(text)]).toEqual(["2-b", "1-a"]);
  expect(withoutOwners(text, () => true)).toBe(STOCK);
});

test("what holds for every host holds for ours, too, and stays when they go", () => {
  const global = "# mine\nServerAliveInterval 30";
  const text = add(`${global}\n${STOCK}`, "web", "1-a");
  expect(text).toStartWith(`${global}\nHost web\n`);
  expect(withoutOwners(text, () => true)).toBe(`${global}\n${STOCK}`);
  expect(add(global, "web", "1-a")).toStartWith(`${global}\nHost web\n`);
});

test("a mark elsewhere than in its place makes no block ours", () => {
  const text = "    # attached by 1-a\nHost x\n    User y\n    # attached by 1-a\n";
  expect([...ownersIn(text)]).toEqual([]);
  expect(withoutOwners(text, () => true)).toBe(text);
});

test("what is not ours stays as it is, byte for byte, whatever it is", () => {
  const line = fc.oneof(
    fc.string(),
    fc.constantFrom("Host a b", "host *", "Match all", "    User x", "", "Host=odd", "# attached by me"),
  );
  const foreign = fc
    .array(line)
    .map((lines) => lines.map((each) => `${each.replaceAll("\n", "")}\n`).join(""));
  const ours = fc.record({
    host: fc.constantFrom("web", "job-0-1"),
    owner: fc.constantFrom("1-a", "2-b"),
  });
  fc.assert(
    fc.property(foreign, fc.array(ours, { maxLength: 4 }), (text, blocks) => {
      const written = blocks.reduce((before, { host, owner }) => add(before, host, owner), text);
      const left = withoutOwners(written, (owner) => owner === "1-a");
      expect(ownersIn(left).has("1-a")).toBe(false);
      expect(withoutOwners(left, () => true)).toBe(text);
    }),
    { numRuns: 1_000 },
  );
});
