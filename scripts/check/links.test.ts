import { expect, test } from "bun:test";
import { findDeadLinks, findDeadReferences } from "./links.ts";

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

test("findDeadReferences() lists documents that comments name and that are not there", () => {
  const has = (path: string) => path === "docs/adr/0001-pull.md";
  const text = "/** As docs/adr/0001-pull.md says, unlike docs/gone.md; other/docs/a.md is another's. */";
  expect(findDeadReferences("agent/a.ts", text, has)).toEqual(["agent/a.ts: there is no docs/gone.md"]);
  expect(findDeadReferences("agent/a.test.ts", text, has)).toEqual([]);
});
