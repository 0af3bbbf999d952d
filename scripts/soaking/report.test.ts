import { expect, test } from "bun:test";
import type { Footprint } from "./footprint.ts";
import { growthOf, renderSoak } from "./report.ts";

const footprint = (more: Partial<Footprint> = {}): Footprint => ({
  rssMib: 100,
  anonMib: 30,
  fds: 20,
  files: 5,
  containers: 0,
  processes: 2,
  ...more,
});
const NAMES = ["coordinator", "agent a"];

test.each<[string, Partial<Footprint>[], string[]]>([
  ["nothing", [{}, {}], []],
  ["what is within chance", [{ anonMib: 60 }, { fds: 25, files: 10, containers: 1 }], []],
  ["the coordinator's record of the runs", [{ files: 5_000 }, {}], []],
  ["descriptors", [{}, { fds: 120 }], ["agent a: fds from 20 to 120"]],
  [
    "memory and containers",
    [{ anonMib: 200 }, { containers: 9 }],
    ["coordinator: anonMib from 30 to 200", "agent a: containers from 0 to 9"],
  ],
])("growthOf() sees %s", (_, last, expected) => {
  const looks = [
    { jobs: 10, footprints: [footprint(), footprint()] },
    { jobs: 100, footprints: last.map(footprint) },
  ];
  const growth = growthOf(NAMES, looks);
  expect(growth).toEqual(expected);
  const text = renderSoak({ names: NAMES, looks, growth, wrong: [], count: 100, seconds: 10 });
  expect(text).toStartWith("100 jobs, four at a time, in 10 s (10.0/s): 0 wrong results.\n");
  expect(text).toContain(expected[0] ?? "Nothing has grown.");
});
