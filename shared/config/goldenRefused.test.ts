import { describe, expect, test } from "bun:test";
import type { Path, ProblemKind } from "../schema/refusal.ts";
import { DIFFERENT } from "../testing/differences.ts";
import { configurationCases, type Expected, type GoldenError } from "../testing/golden.ts";
import { loadConfiguration } from "./load.ts";
import { ConfigurationError, type Problem } from "./problems.ts";

/** Files that only a later release reads, as we do. */
const isAcceptedLater = (later: Expected | undefined): boolean => later?.valid === true;

const TAGS = new Set(["key.header", "key.ip_address", "model.openai", "model.tgi", "certificate.acm"]);

/** A place of the reference as keys and indexes alone: without the type before it, and what a mapping's tag says. */
const placeOf = ([, ...loc]: Path): string =>
  loc.filter((key, index) => !TAGS.has(`${String(loc[index - 1])}.${key}`)).join(".");

/** The properties of the configuration that something is wrong with. */
const propertiesOf = (places: Iterable<string>) =>
  [...new Set([...places].map((place) => place.split(".")[0]))].sort();

/** The reference reports unknown properties only if nothing else is wrong. */
const asReported = (problems: readonly Problem[]): readonly Problem[] => {
  const serious = problems.filter(({ kind }) => kind !== "unknown_property");
  return serious.length > 0 ? serious : problems;
};

/**
 * The same properties are wrong, and each place of ours is one of the reference's, which for a value of several
 * possible shapes reports them all.
 */
const isSameRefusal = (problems: readonly Problem[], errors: readonly GoldenError[]): boolean => {
  const kinds = new Map<string, ProblemKind[]>();
  for (const { loc, kind } of errors) kinds.set(placeOf(loc), [...(kinds.get(placeOf(loc)) ?? []), kind]);
  const ours = asReported(problems).map(({ path, kind }) => ({ place: path.join("."), kind }));
  const isKnown = ours.every(({ place, kind }) => {
    // Of a missing or unknown tag the reference reports the mapping, we the tag.
    const those = kinds.get(place) ?? kinds.get(place.split(".").slice(0, -1).join("."));
    // A whole value of the wrong type may stand for any mistake inside it.
    return those?.some((that) => that === kind || that === "wrong_type" || kind === "wrong_type");
  });
  const places = ours.map(({ place }) => place);
  return isKnown && (kinds.has("") || Bun.deepEquals(propertiesOf(places), propertiesOf(kinds.keys())));
};

const problemsIn = (text: string): readonly Problem[] => {
  try {
    loadConfiguration(text, { path: "config.dstack.yml" });
  } catch (err) {
    if (err instanceof ConfigurationError) return err.problems;
    throw err;
  }
  return [];
};

const refused = configurationCases().filter(
  ({ name, expected, later }) =>
    expected.stage === "parse" && !(name in DIFFERENT) && !isAcceptedLater(later),
);

describe("loadConfiguration() refuses what the reference refuses", () => {
  test.each(refused)("$name", ({ text, expected, later }) => {
    const problems = problemsIn(text);
    expect(problems).not.toBeEmpty();
    for (const { position } of problems) expect(position?.line).toBeGreaterThan(0);
    const releases = [expected, later].flatMap((release) => (release?.errors ? [release.errors] : []));
    if (releases.some((errors) => isSameRefusal(problems, errors))) return;
    expect<unknown>(problems.map(({ path, kind }) => ({ loc: path, kind }))).toEqual(expected.errors);
  });
});
