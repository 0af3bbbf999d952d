import { expect, test } from "bun:test";
import { findDeadLinks } from "./links.ts";

test("findDeadLinks() finds what a document points at and is not there", () => {
  const has = (path: string) => ["docs/adr", "docs/adr/0001-pull.md", "README.md"].includes(path);
  const text = `[a](0001-pull.md) [b](../../README.md#start) [c](https://example.org/x) [d](#here) [e](../adr/)
[f](0002-gone.md) [g](../lost/)`;
  expect(findDeadLinks("docs/adr/0003-new.md", text, has)).toEqual([
    "docs/adr/0003-new.md: there is no 0002-gone.md",
    "docs/adr/0003-new.md: there is no ../lost/",
  ]);
  expect(findDeadLinks("scripts/a.ts", text, has)).toEqual([]);
});
