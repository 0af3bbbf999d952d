import assert from "node:assert/strict";
import type { Case } from "../case.ts";
import { assertInOrder } from "../expect.ts";
import { CTRL_C } from "../terminal.ts";

const LINE = /^\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\] (\[👤\w+\] )?\[.+?\] .+$/;

const linesOf = (printed: string): string[] => {
  const lines = printed.trimEnd().split("\n");
  for (const line of lines) assert.match(line, LINE);
  return lines;
};

const TARGETS = ["--target-volume", "--target-gateway"];

export const eventCases: Case[] = [
  {
    name: "event-of-run",
    expect: "the life of a run, oldest first, with who did it; --target-run: of the run alone",
    covers: {
      event: ["--within-run", "--target-run", "--since", "--project"],
      "event list": ["--within-run", "--target-run", "--since"],
    },
    smoke: true,
    run: async ({ name, ok, task, waitForStatus }) => {
      await ok(["apply", "-f", await task(["true"]), "-y", "-d"]);
      await waitForStatus("done");
      const within = linesOf(await ok(["event", "--project", "main", "--within-run", name]));
      assert.match(
        within[0] ?? "",
        new RegExp(`\\] \\[👤admin\\] \\[run ${name}\\] Run submitted\\. Status: SUBMITTED$`),
      );
      assertInOrder(within.join("\n"), [
        `[job ${name}-0-0] Job created on run submission`,
        new RegExp(`\\[job ${name}-0-0, instance \\S+\\] Job assigned to instance`),
        `[job ${name}-0-0] Job status changed PROVISIONING -> RUNNING`,
        "Termination reason: ALL_JOBS_DONE",
        `[run ${name}] Run status changed TERMINATING -> DONE`,
      ]);
      const own = linesOf(await ok(["event", "list", "--target-run", name, "--since", "1h"]));
      assert.ok(own.every((line) => line.includes(`[run ${name}]`)));
      assert.deepEqual(linesOf(await ok(["event", "list", "--within-run", name])), within);
      assert.deepEqual(linesOf(await ok(["event", "--target-run", name, "--since", "1h"])), own);
    },
  },
  {
    name: "event-of-fleet",
    expect: "--target-fleet and --within-fleet: those of the fleet, and of its instances and jobs too",
    covers: {
      event: ["--target-fleet", "--within-fleet", "--include-target-type"],
      "event list": ["--target-fleet", "--within-fleet", "--include-target-type"],
    },
    run: async ({ ok, fails }) => {
      for (const command of [["event"], ["event", "list"]]) {
        const own = linesOf(await ok([...command, "--target-fleet", "pool"]));
        assert.ok(own.some((line) => line.includes("[fleet pool] Fleet created")));
        const type = ["--include-target-type", "instance"];
        const within = linesOf(await ok([...command, "--within-fleet", "main/pool", ...type]));
        assert.ok(within.length > 0 && within.every((line) => line.includes("instance pool-")));
      }
      assert.match(await fails(["event", "--target-fleet", "absent"]), /not found|does not exist/i);
    },
  },
  {
    name: "event-of-secret",
    expect: "what was done to a secret, without its value; a secret that is not there: exit 1",
    covers: { event: ["--target-secret"], "event list": ["--target-secret"] },
    run: async ({ name, ok, fails }) => {
      await ok(["secret", "set", name, "hidden-value"]);
      for (const command of [["event"], ["event", "list"]]) {
        const lines = linesOf(await ok([...command, "--target-secret", name]));
        assert.match(lines[0] ?? "", new RegExp(`\\[👤admin\\] \\[secret ${name}\\] Secret created`));
        assert.doesNotMatch(lines.join("\n"), /hidden-value/);
      }
      assert.match(await fails(["event", "--target-secret", "absent"]), /not found|does not exist/i);
    },
  },
  {
    name: "event-of-absent",
    expect: "a volume or gateway that is not there: said, exit 1",
    covers: { event: TARGETS, "event list": TARGETS },
    run: async ({ fails }) => {
      for (const [at, flag] of TARGETS.entries()) {
        const command = at === 0 ? ["event"] : ["event", "list"];
        assert.match(await fails([...command, flag, "absent"]), /not found|does not exist/i);
      }
    },
  },
  {
    name: "event-within-gateway",
    expect: "a gateway that is not there: said, exit 1",
    covers: { event: ["--within-gateway"], "event list": ["--within-gateway"] },
    versions: ["0.22.5"],
    run: async ({ fails }) => {
      assert.match(await fails(["event", "--within-gateway", "absent"]), /not found|does not exist/i);
    },
  },
  {
    name: "event-watch",
    expect: "new events appear while it runs; Ctrl-C leaves with 0",
    covers: { event: ["--watch"], "event list": ["--watch"] },
    run: async ({ name, ok, terminal }) => {
      await using watching = terminal(["event", "-w"]);
      await using listing = terminal(["event", "list", "-w"]);
      await watching.waitFor(/Fleet created/);
      await listing.waitFor(/Fleet created/);
      await ok(["secret", "set", name, "x"]);
      for (const one of [watching, listing]) {
        await one.waitFor(new RegExp(`\\[secret ${name}\\] Secret created`));
        one.type(CTRL_C);
        assert.equal(await one.ended(), 0);
      }
    },
  },
];
