import { describe, expect, test } from "bun:test";
import { Company } from "./company.ts";

const FRAME = 64 * 1024;
const [download, other, shell] = [{}, {}, {}];

describe("what streams send beside each other", () => {
  const cases: [string, [object, number, number][], number, boolean][] = [
    ["nothing", [], 0, false],
    ["a download alone", [[download, FRAME, 0]], 1, false],
    [
      "a download, whose reads are no whole frames",
      [
        [download, FRAME, 0],
        [download, 3_392, 1],
      ],
      2,
      false,
    ],
    [
      "two downloads, whose reads are no whole frames",
      [
        [download, FRAME, 0],
        [other, FRAME, 1],
        [download, 3_392, 2],
        [other, 100, 3],
      ],
      4,
      false,
    ],
    ["a shell alone", [[shell, 1, 0]], 1, false],
    [
      "a shell beside a download",
      [
        [download, FRAME, 0],
        [shell, 1, 10],
      ],
      1_000,
      true,
    ],
    [
      "a shell beside a download, some time ago",
      [
        [download, FRAME, 0],
        [shell, 1, 10],
      ],
      2_010,
      false,
    ],
    [
      "a shell after a download",
      [
        [download, FRAME, 0],
        [shell, 1, 1_000],
      ],
      1_001,
      false,
    ],
    [
      "a download that has become one who sends little, beside another",
      [
        [download, FRAME, 0],
        [other, FRAME, 1_500],
        [download, 10, 1_501],
      ],
      1_502,
      true,
    ],
  ];
  test.each(cases)("%s", (_name, frames, now, expected) => {
    const company = new Company();
    for (const [stream, bytes, at] of frames) company.sent(stream, bytes, at);
    expect(company.isMixed(now)).toBe(expected);
  });
});
