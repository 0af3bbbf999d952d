import assert from "node:assert/strict";
import type { Case } from "../case.ts";

export const logCases: Case[] = [
  {
    name: "logs-flags",
    expect:
      "--job and --replica choose the job, --since what is newer; other numbers: nothing, exit 0; no run: exit 1",
    covers: { logs: ["RUN_NAME", "--job", "--replica", "--since", "--project"] },
    run: async ({ name, ok, fails, task, waitForStatus }) => {
      const file = await task(["echo node $DSTACK_NODE_RANK of $DSTACK_NODES_NUM"], { nodes: 2 });
      await ok(["apply", "-f", file, "-y", "-d"]);
      await waitForStatus("done");
      assert.match(await ok(["logs", name, "--project", "main"]), /^node 0 of 2\r?$/m);
      const second = await ok(["logs", name, "--job", "1", "--replica", "0", "--since", "1h"]);
      assert.match(second, /^node 1 of 2\r?$/m);
      assert.equal((await ok(["logs", name, "--job", "4"])).trim(), "");
      assert.equal((await ok(["logs", name, "--since", "2099-01-01T00:00:00Z"])).trim(), "");
      assert.match(await fails(["logs", name, "--since", "tomorrow"]), /Invalid datetime format/);
      assert.match(await fails(["logs", "absent"]), /Run absent not found/);
    },
  },
  {
    name: "logs-of-other-replica",
    expect: "a replica that there is not has no log: nothing, exit 0",
    covers: { logs: ["--replica"] },
    run: async ({ name, ok, task, waitForStatus }) => {
      await ok(["apply", "-f", await task(["echo said"]), "-y", "-d"]);
      await waitForStatus("done");
      assert.equal((await ok(["logs", name, "--replica", "3"])).trim(), "");
    },
  },
  {
    name: "logs-diagnose",
    expect: "what the host itself has to say of a job, exit 0",
    covers: { logs: ["--diagnose"] },
    run: async ({ name, ok, task, waitForStatus }) => {
      await ok(["apply", "-f", await task(["echo output"]), "-y", "-d"]);
      await waitForStatus("done");
      assert.doesNotMatch(await ok(["logs", name, "-d"]), /^output\r?$/m);
    },
  },
  {
    name: "logs-many-pages",
    expect: "30,000 lines over many pages, none missing, none twice; bytes as they are",
    covers: { logs: ["RUN_NAME"] },
    run: async ({ name, ok, task, waitForStatus }) => {
      await ok(["apply", "-f", await task(["seq 1 30000", "printf '\\303\\274ber\\n'"]), "-y", "-d"]);
      await waitForStatus("done");
      const lines = (await ok(["logs", name])).replaceAll("\r", "").trimEnd().split("\n");
      assert.equal(lines.pop(), "über");
      assert.deepEqual(
        lines,
        Array.from({ length: 30_000 }, (_, at) => `${at + 1}`),
      );
    },
  },
];
