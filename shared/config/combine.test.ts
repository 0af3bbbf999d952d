import { describe, expect, test } from "bun:test";
import { ResourcesSpec } from "../resources/spec.ts";
import { goldenList } from "../testing/golden.ts";
import { combine } from "./combine.ts";
import { Profile } from "./profile.ts";

interface Case {
  kind: string;
  fleet: { resources?: object };
  run: { resources?: object };
  requirements: object | null;
  profile: object | null;
  "in 0.22"?: { requirements?: object; profile?: object };
}

const cases = (goldenList("matching.json") as Case[]).filter(({ kind }) => kind === "combine");

/** JSON has lost the point of 8.0. */
const asWritten = (resources: object): unknown =>
  JSON.parse(JSON.stringify(resources), (key, value) =>
    key === "compute_capability" ? Number(value).toFixed(1) : value,
  );

const wishesOf = ({ resources = {}, ...placement }: Case["fleet"]) => ({
  resources: ResourcesSpec.parse(asWritten(resources)),
  placement: Profile.parse(placement),
});

describe("combine() as the reference", () => {
  for (const { fleet, run, ...expected } of cases) {
    test(`${JSON.stringify(fleet)} with ${JSON.stringify(run)}`, () => {
      const both = combine(wishesOf(fleet), wishesOf(run));
      const { requirements, profile } = { ...expected, ...expected["in 0.22"] };
      expect<unknown>(both?.requirements ?? null).toEqual(requirements);
      if (!both) return;
      const given = Object.entries(both.placement).filter(([, value]) => value !== null);
      expect<unknown>(Object.fromEntries(given)).toEqual(profile);
    });
  }
});

test.each([
  ["8.0", "9.0", [9, 0]],
  ["9.0", "8.6", [9, 0]],
  ["8.9", "8.6", [8, 9]],
])(
  "combine() asks for the higher compute capability of %s and %s (lifecycle.md §9.6 is not copied)",
  (a, b, both) => {
    const asking = (compute_capability: string) =>
      wishesOf({ resources: { gpu: { compute_capability, count: 1 } } });
    expect(combine(asking(a), asking(b))?.requirements.resources.gpu?.compute_capability).toEqual(
      both as [number, number],
    );
  },
);

test("combine() takes the stricter of backend options", () => {
  const options = (backend_options: object[]) => wishesOf({ backend_options } as object);
  const a = options([{ type: "vastai", min_reliability: 0.9, min_score: 3 }]);
  const b = options([{ type: "vastai", min_reliability: 0.8, offer_order: "price" }]);
  expect(combine(a, b)?.placement.backend_options).toEqual([
    { type: "vastai", min_reliability: 0.9, min_score: 3, offer_order: "price" },
  ]);
  expect(combine(options([{ type: "vastai", offer_order: "score" }]), b)).toBeUndefined();
});
