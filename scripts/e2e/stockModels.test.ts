/** The reference's own models and ours make the same wire JSON of every valid configuration, there and back. */
import { beforeAll, describe, expect, test } from "bun:test";
import type { AnyConfiguration } from "../../shared/config/configuration.ts";
import { loadConfiguration } from "../../shared/config/load.ts";
import { messageOf } from "../../shared/errors.ts";
import { randomFrom } from "../../shared/testing/fuzzConfigurations.ts";
import { configurationCases } from "../../shared/testing/golden.ts";
import { changedFiles } from "./harness/changedFiles.ts";
import { installStockClient } from "./harness/stockClient.ts";
import { askStockModels, type StockAnswers } from "./harness/stockModels.ts";

const client = await installStockClient();

const ours = (text: string): AnyConfiguration =>
  JSON.parse(JSON.stringify(loadConfiguration(text, { path: "x.dstack.yml" })));

/** Refused on reading by one side only, and by the other later: `docker: "true"`, an infinite size, a retry of a router. */
const SOONER = ["057-task-docker-as-text", "122-task-memory-infinite", "374-service-groups-dynamo-retry"];

/** What 0.21.2 reads; what it refuses later is in here too. */
const cases = configurationCases().filter(
  ({ name, expected }) => expected.stage !== "parse" && !expected.crash && !SOONER.includes(name),
);

const roundTrips = (path: string) => () => {
  let there: StockAnswers;
  let back: StockAnswers;
  beforeAll(async () => {
    there = await askStockModels(path, cases);
    back = await askStockModels(
      path,
      cases.map(({ name, text }) => ({ name, text: textOf(text) })),
    );
  }, 120_000);

  test.each(cases)("$name", ({ name, text }) => {
    const sent = there[name]?.sent;
    expect(there[name]?.refused).toBeUndefined();
    expect<unknown>(ours(text)).toEqual(sent);
    expect(back[name]).toEqual({ sent });
  });
};

/** What releases after 0.21.2 know, and what its own server refuses (docs/compatibility.md). */
const KNOWN = [
  /load_balancer|PythonVersion|Dynamo router|service\.groups|replicas\.\d+\.replicas/,
  /docker: true and|scaling needs a range|finite size|got (the number )?1\d{19,}/,
];

const verdictOf = (text: string): { sent?: unknown; refused?: string } => {
  try {
    return { sent: ours(text) };
  } catch (err) {
    return { refused: messageOf(err) };
  }
};

const sameVerdicts = (path: string) => () => {
  test("on 3,000 changed files", async () => {
    const changed = changedFiles(3000, randomFrom(21));
    const stock = await askStockModels(path, changed);
    let sent = 0;
    const different = changed.flatMap(({ name, text }) => {
      const [mine, theirs] = [verdictOf(text), stock[name]];
      if (mine.sent && theirs?.sent && Bun.deepEquals(mine.sent, theirs.sent)) sent += 1;
      const isSame = theirs?.sent ? Bun.deepEquals(mine.sent, theirs.sent) : mine.refused !== undefined;
      const why = `${mine.refused ?? ""} ${theirs?.refused ?? ""}`;
      return isSame || KNOWN.some((known) => known.test(why)) ? [] : [{ text, mine, theirs }];
    });
    expect(different).toEqual([]);
    expect(sent).toBeGreaterThan(300);
  }, 120_000);
};

/** What we send is a file as well. */
const textOf = (text: string): string => {
  try {
    return JSON.stringify(ours(text));
  } catch {
    return "";
  }
};

if ("path" in client) {
  describe("the stock models", roundTrips(client.path));
  describe("the stock models agree", sameVerdicts(client.path));
} else describe.skip(`the stock models [${client.reason}]`, roundTrips(""));
