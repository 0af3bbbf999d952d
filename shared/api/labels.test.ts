import { expect, test } from "bun:test";
import {
  changeLabels,
  LabelChange,
  Labels,
  labelsText,
  parseLabel,
  parseLabelChange,
  parseLabelSelector,
} from "./labels.ts";

test.each([
  ["rack=a1", ["rack", "a1"]],
  ["example.org/zone=", ["example.org/zone", ""]],
  ["rack", undefined],
  ["=a1", undefined],
  ["rack=a b", undefined],
  ["rack=a=b", undefined],
  ["-rack=a", undefined],
  [`${"k".repeat(64)}=v`, undefined],
])("parseLabel(%p)", (text, expected) => {
  expect(parseLabel(text)).toEqual(expected as [string, string]);
});

test.each([
  ["rack=a1", ["rack", "a1"]],
  ["rack-", ["rack", null]],
  ["a-b-", ["a-b", null]],
  ["rack=a-", undefined],
  ["-", undefined],
  ["rack", undefined],
])("parseLabelChange(%p)", (text, expected) => {
  expect(parseLabelChange(text)).toEqual(expected as [string, string | null]);
});

test("a change leaves what it does not name, nothing is no labels, and too many are none at all", () => {
  expect(changeLabels({ rack: "a1", gpu: "old" }, { gpu: null, row: "3" })).toEqual({ rack: "a1", row: "3" });
  expect(changeLabels({ rack: "a1" }, { rack: null, other: null })).toBeNull();
  expect(changeLabels(null, {})).toBeNull();
  const many = Object.fromEntries(Array.from({ length: 32 }, (_, at) => [`k${at}`, "v"]));
  expect(changeLabels(many, { k0: "w" })).toMatchObject({ k0: "w" });
  expect(changeLabels(many, { more: "v" })).toBeUndefined();
  expect(LabelChange.safeParse({ arch: "arm" }).success).toBe(false);
  expect(labelsText({ rack: null, row: "3" })).toBe("rack-,row=3");
});

test("a name of an instance is none, and what cannot be read selects nothing", () => {
  expect(parseLabelSelector("rack-0")).toBeUndefined();
  expect(parseLabelSelector("rack=a1, odd=1")).toEqual([
    ["rack", "a1"],
    ["odd", "1"],
  ]);
  expect(parseLabelSelector("rack=a1,!")?.[1]?.[0]).toBe("");
});

test("labels are few, and not what hosts are by themselves", () => {
  expect(Labels.safeParse({ rack: "a1" }).success).toBe(true);
  for (const wrong of [{ arch: "x86" }, { "a b": "c" }, { a: "b c" }])
    expect(Labels.safeParse(wrong).success).toBe(false);
  const many = Object.fromEntries(Array.from({ length: 33 }, (_, at) => [`k${at}`, "v"]));
  expect(Labels.safeParse(many).success).toBe(false);
});

test("they are told in one order", () => {
  expect(labelsText({ b: "2", a: "1" })).toBe("a=1,b=2");
});
