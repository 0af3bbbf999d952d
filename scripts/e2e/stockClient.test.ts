/** The reference's own command lines, unchanged, against our coordinator: the short cases of `./scripts/conformance`. */
import { beforeAll, describe, test } from "bun:test";
import type { Case } from "../conforming/case.ts";
import { CASES } from "../conforming/cases.ts";
import { type Outcome, playAll } from "../conforming/play.ts";
import { openStage } from "../conforming/stage.ts";
import { describeWith } from "./harness/requirements.ts";
import { installStockClient, STOCK_VERSIONS } from "./harness/stockClient.ts";
import { NEEDS } from "./harness/system.ts";

for (const version of STOCK_VERSIONS) {
  const client = await installStockClient(version);
  const name = `the stock client ${version}`;
  const isMeant = ({ smoke, versions = STOCK_VERSIONS }: Case) =>
    smoke === true && versions.includes(version);
  const cases = CASES.filter(isMeant);

  const tests = (path: string) => () => {
    const outcomes = new Map<Case, Outcome>();
    // Two at a time: most of a case is the start of a Python program.
    beforeAll(async () => {
      await using stage = await openStage({ hosts: 2, full: false });
      const onEnd = (outcome: Outcome) => void outcomes.set(outcome.case, outcome);
      await playAll(cases, { stage, version, path, workers: 2, onEnd });
    }, 400_000);

    for (const one of cases)
      test(`${one.name}: ${one.expect}`, () => {
        const outcome = outcomes.get(one);
        if (outcome?.problem !== undefined) throw new Error(outcome.problem);
        if (!outcome) throw new Error("It was not played");
      });
  };

  if ("path" in client) describeWith(NEEDS.process, name, tests(client.path));
  else describe.skip(`${name} [${client.reason}]`, tests(""));
}
