import { failuresIn } from "./failures.ts";

/** What a `bun test` run came to, read from its JUnit report. */
export interface Tally {
  passed: number;
  /** Names of those that failed. */
  failed: string[];
  /** What these printed (failures.ts). */
  failures: string[];
  /** Names of the tests that were not run; a reason stands in the name (scripts/e2e/harness/requirements.ts). */
  skipped: string[];
}

const fromXml = (text: string): string =>
  text
    .replace(/&#(\d+);/g, (_, code: string) => String.fromCodePoint(Number(code)))
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&quot;", '"')
    .replaceAll("&apos;", "'")
    .replaceAll("&amp;", "&");

const attribute = (tag: string, name: string): string =>
  fromXml(tag.match(new RegExp(`\\b${name}="([^"]*)"`))?.[1] ?? "");

const nameOf = (tag: string): string =>
  `${attribute(tag, "file")}: ${[attribute(tag, "classname"), attribute(tag, "name")].filter(Boolean).join(" > ")}`;

export interface BunTest {
  /** Its report. */
  junit: string;
  /** A test file that does not load fails the run without being a test. */
  exitCode: number;
  /** What it wrote to stderr. */
  stderr: string;
}

export const readTally = ({ junit, exitCode, stderr }: BunTest): Tally => {
  const tally: Tally = { passed: 0, failed: [], failures: failuresIn(stderr), skipped: [] };
  for (const [, tag = "", , body = ""] of junit.matchAll(
    /<testcase\b((?:[^>"]|"[^"]*")*?)(\/>|>([\s\S]*?)<\/testcase>)/g,
  )) {
    if (/<(?:failure|error)\b/.test(body)) tally.failed.push(nameOf(tag));
    else if (/<skipped\b/.test(body)) tally.skipped.push(nameOf(tag));
    else tally.passed += 1;
  }
  if (exitCode !== 0 && tally.failed.length === 0)
    tally.failed.push(`bun test ended with ${exitCode}, and names no test`);
  return tally;
};

export const sumTallies = (tallies: readonly Tally[]): Tally => ({
  passed: tallies.reduce((sum, { passed }) => sum + passed, 0),
  failed: tallies.flatMap(({ failed }) => failed),
  failures: tallies.flatMap(({ failures }) => failures),
  skipped: tallies.flatMap(({ skipped }) => skipped),
});

/** The last line of `./scripts/test` and `./.ci/run`. */
export const tallyLine = ({ passed, failed, skipped }: Tally): string =>
  `${passed} passed, ${failed.length} failed${skipped.length > 0 ? `, ${skipped.length} skipped` : ""}`;
