import { expect, test } from "bun:test";
import fc from "fast-check";
import { type AliasBlock, ownersIn, renderBlock, withoutOwners } from "./blocks.ts";

const block = (host: string, owner: string): string =>
  renderBlock({
    host,
    owner,
    options: [
      ["User", "root"],
      ["IdentitiesOnly", "yes"],
    ],
  });

const STOCK = "Host other\n    HostName localhost\n    Port 10022\n";

test("a block names its owner; a stock client's has none", () => {
  const text = `${block("web", "1-a")}${STOCK}${block("web-0-1", "2-b")}`;
  expect(block("web", "1-a")).toBe(
    "Host web\n    # attached by 1-a\n    User root\n    IdentitiesOnly yes\n",
  );
  expect([...ownersIn(text)]).toEqual(["1-a", "2-b"]);
  expect(withoutOwners(text, () => true)).toBe(STOCK);
});

test("a mark elsewhere than in its place makes no block ours", () => {
  const text = "# attached by 1-a\nHost x\n    User y\n    # attached by 1-a\n";
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
  const ours = fc.record({ host: fc.constantFrom("web", "job-0-1"), owner: fc.constantFrom("1-a", "2-b") });
  fc.assert(
    fc.property(foreign, fc.array(ours, { maxLength: 4 }), (text, blocks) => {
      const written = blocks.reduce(
        (before, { host, owner }) => `${block(host, owner)}${before}`,
        text === "" || /^\s*(host|match)\s/i.test(text) ? text : `Host first\n${text}`,
      );
      const left = withoutOwners(written, (owner) => owner === "1-a");
      expect(ownersIn(left).has("1-a")).toBe(false);
      expect(left.endsWith(text)).toBe(true);
    }),
  );
});

test("an alias block is of the type that it says", () => {
  const made: AliasBlock = { host: "web", owner: "1-a", options: [] };
  expect([...ownersIn(renderBlock(made))]).toEqual([made.owner]);
});
