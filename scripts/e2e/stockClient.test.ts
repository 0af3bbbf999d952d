/** The reference's own command lines, unchanged, against our coordinator: the short cases of `./scripts/conformance`. */
import { afterAll, beforeAll, describe, test } from "bun:test";
import { CASES } from "../conforming/cases.ts";
import { playCase } from "../conforming/play.ts";
import { openStage, type Stage } from "../conforming/stage.ts";
import { describeWith } from "./harness/requirements.ts";
import { installStockClient, STOCK_VERSIONS } from "./harness/stockClient.ts";
import { NEEDS } from "./harness/system.ts";

for (const version of STOCK_VERSIONS) {
  const client = await installStockClient(version);
  const name = `the stock client ${version}`;

  const tests = (path: string) => () => {
    let stage: Stage;
    beforeAll(async () => {
      stage = await openStage({ hosts: 1, gpus: false });
    }, 30_000);
    afterAll(() => stage[Symbol.asyncDispose]());

    const isMeant = ({ smoke, versions = STOCK_VERSIONS }: (typeof CASES)[number]) =>
      smoke === true && versions.includes(version);
    for (const one of CASES.filter(isMeant))
      test(`${one.name}: ${one.expect}`, async () => {
        const { problem } = await playCase(one, { stage, version, path });
        if (problem !== undefined) throw new Error(problem);
      }, 60_000);
  };

  if ("path" in client) describeWith(NEEDS.process, name, tests(client.path));
  else describe.skip(`${name} [${client.reason}]`, tests(""));
}
