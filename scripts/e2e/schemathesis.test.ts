/** The API against its description, by requests that Schemathesis makes up: some of what `./scripts/schemathesis` does. */
import { describe, expect, test } from "bun:test";
import { startSeeded } from "../../coordinator/testing/seeded.ts";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { fuzz, installSchemathesis } from "../fuzzing/schemathesis.ts";

const installed = await installSchemathesis();

const tests = (path: string) => () => {
  test.each(["gadmin", "member"] as const)(
    "made-up calls of %s are answered as described",
    async (caller) => {
      using dir = tempDir();
      await using seeded = await startSeeded();
      const token = seeded.tokens[caller];
      // The same calls each time: new ones are for the script to find.
      const options = { path, dir: dir.path, seeded, token, most: 3, phases: "fuzzing", seed: 1 } as const;
      const { cases, failures, output } = await fuzz(options);
      if (failures > 0) throw new Error(output);
      expect(cases).toBeGreaterThan(200);
    },
    120_000,
  );
};

if ("path" in installed) describe("Schemathesis", tests(installed.path));
else describe.skip(`Schemathesis [${installed.reason}]`, tests(""));
