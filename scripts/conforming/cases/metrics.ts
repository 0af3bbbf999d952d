import assert from "node:assert/strict";
import { waitFor } from "../../../shared/testing/waitFor.ts";
import type { Case } from "../case.ts";
import { CTRL_C } from "../terminal.ts";

export const metricCases: Case[] = [
  {
    name: "metrics-of-burner",
    expect: "a row for each job with what it uses; --job and --replica choose; no such job: exit 1",
    covers: { metrics: ["RUN_NAME", "--job", "--replica", "--project", "--watch"] },
    run: async ({ name, ok, fails, task, terminal }) => {
      await ok(["apply", "-f", await task(["while :; do :; done"]), "-y", "-d"]);
      const shown = await waitFor(
        "two samples",
        async () => {
          const out = await ok(["metrics", name, "--project", "main"]);
          return !out.includes("no data") && out;
        },
        60_000,
      );
      assert.match(shown, /^ +UTILIZATION +MEMORY *$/m);
      assert.match(shown, /^ job=0 +cpu +[▁-▇]+ \d+% +[▁-▇]+ \d+MB\/\d+GB *$/m);
      assert.match(shown, /┄ now/);
      assert.match(await ok(["metrics", name, "--job", "0", "--replica", "0"]), /^ job=0 +cpu +/m);
      const refused = await fails(["metrics", name, "--replica", "1", "--job", "0"]);
      assert.match(refused, /has no job matching replica=1 job=0/);
      await using watching = terminal(["metrics", name, "-w"]);
      await watching.waitFor(/job=0 +cpu/);
      watching.type(CTRL_C);
      assert.equal(await watching.ended(), 0);
      await ok(["stop", name, "-x", "-y"]);
      assert.match(await fails(["metrics", "absent"]), /Run absent not found/);
    },
  },
];
