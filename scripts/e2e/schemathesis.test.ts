/** The API against its description, by requests that Schemathesis makes up: some of what `./scripts/schemathesis` does. */
import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { startSeeded } from "../../coordinator/testing/seeded.ts";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { fuzz, installSchemathesis } from "../fuzzing/schemathesis.ts";
import { run } from "./harness/program.ts";
import { installPythonPackage } from "./harness/pythonPackage.ts";

/** Calls of each route, at most; more with `DSTACK_E2E_LONG=1`, and `./scripts/schemathesis` makes far more. */
const MOST = process.env["DSTACK_E2E_LONG"] ? 3 : 2;

const installed = await installSchemathesis();

const tests = (path: string) => () => {
  test.each(["gadmin", "member"] as const)(
    "made-up calls of %s are answered as described",
    async (caller) => {
      using dir = tempDir();
      await using seeded = await startSeeded();
      const token = seeded.tokens[caller];
      // The same calls each time: new ones are for the script to find.
      const options = { path, dir: dir.path, seeded, token, most: MOST, phases: "fuzzing", seed: 1 } as const;
      const { cases, failures, output } = await fuzz(options);
      if (failures > 0) throw new Error(output);
      expect(cases).toBeGreaterThan(200);
    },
    120_000,
  );
};

const validator = await installPythonPackage({
  folder: "openapi-spec-validator-0.9.0",
  wanted: "openapi-spec-validator==0.9.0",
  program: "openapi-spec-validator",
});
if ("path" in validator)
  test("the description is right OpenAPI 3.1", async () => {
    const document = join(import.meta.dir, "../../docs/api/openapi.json");
    expect(await run([validator.path, document])).toMatchObject({ code: 0 });
  });
else test.skip(`the description is right OpenAPI 3.1 [${validator.reason}]`, () => {});

if ("path" in installed) describe("Schemathesis", tests(installed.path));
else describe.skip(`Schemathesis [${installed.reason}]`, tests(""));
