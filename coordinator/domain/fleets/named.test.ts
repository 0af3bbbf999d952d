import { expect, test } from "bun:test";
import { isNamed } from "./named.ts";

const viewer = { projectId: "p", nameOf: (id: string) => ({ p: "team", m: "main" })[id] };
const OWN = { name: "lab", projectId: "p" };
const IMPORTED = { name: "lab", projectId: "m" };

test.each([
  [null, OWN, true],
  [null, IMPORTED, false],
  ["team", OWN, true],
  ["Main", IMPORTED, true],
  ["main", OWN, false],
  ["team", IMPORTED, false],
  ["gone", { name: "lab", projectId: "x" }, false],
])("%p/lab means %p: %p", (project, fleet, expected) => {
  expect(isNamed({ project, name: "lab" }, fleet, viewer)).toBe(expected);
  expect(isNamed({ project, name: "den" }, fleet, viewer)).toBe(false);
});
