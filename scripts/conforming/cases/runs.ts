import assert from "node:assert/strict";
import type { Case } from "../case.ts";
import { assertHas } from "../expect.ts";
import { readTable } from "../table.ts";
import { CTRL_C } from "../terminal.ts";

const PS = ["NAME", "BACKEND", "GPU", "PRICE", "STATUS", "SUBMITTED"];
const PS_VERBOSE = [
  ...["NAME", "BACKEND", "RESOURCES", "INSTANCE TYPE", "PRICE", "STATUS", "PROBES", "SUBMITTED", "ERROR"],
];

/** What `ps --json` prints, as far as it is read here. */
const namesOf = (listed: unknown): string[] =>
  (listed as { runs: { run_spec: { run_name: string } }[] }).runs.map(({ run_spec }) => run_spec.run_name);

export const runCases: Case[] = [
  {
    name: "run-life",
    expect: "submitted, detached from, listed, shown as JSON; its log is whole",
    covers: {
      apply: ["--file", "--yes", "--detach"],
      ps: ["--all", "--json"],
      logs: ["RUN_NAME"],
      "run get": ["NAME", "--id", "--json"],
    },
    smoke: true,
    run: async ({ name, ok, json, task, waitForStatus }) => {
      const file = await task(["echo from the stock client"]);
      const applied = await ok(["apply", "-f", file, "-y", "-d"]);
      assert.match(applied, new RegExp(`^Run ${name} submitted, detaching\\.\\.\\.$`, "m"));
      const { id } = await waitForStatus("done");
      assert.match(await ok(["logs", name]), /^from the stock client\r?$/m);
      const done = {
        id,
        status: "done",
        status_message: "done",
        run_spec: { run_name: name },
        jobs: [{ job_submissions: [{ status: "done", exit_status: 0 }] }],
      };
      assertHas(await json(["run", "get", name, "--json"]), done);
      assertHas(await json(["run", "get", "--id", id, "--json"]), done);
      const row = readTable(await ok(["ps", "-a"]), PS).find(({ NAME }) => NAME === name);
      assertHas(row, { STATUS: "exited (0)", BACKEND: /^ssh/, PRICE: "$0", SUBMITTED: /now|ago/ });
      assert.ok(namesOf(await json(["ps", "-a", "--json"])).includes(name));
    },
  },
  {
    name: "run-get-absent",
    expect: "Run … not found, exit 1; without --json exit 2",
    covers: { "run get": ["NAME", "--id", "--json"], run: ["--project"] },
    run: async ({ fails }) => {
      const absent = ["run", "--project", "main", "get", "absent", "--json"];
      assert.match(await fails(absent), /Run absent not found/);
      const id = crypto.randomUUID();
      assert.match(await fails(["run", "get", "--id", id, "--json"]), /not found/);
      assert.match(await fails(["run", "get", "--id", "no-uuid", "--json"]), /Invalid UUID format: no-uuid/);
      assert.match(await fails(["run", "get", "absent"], { code: 2 }), /--json/);
    },
  },
  {
    name: "run-stop",
    expect:
      "Stopped at once, the run ends as terminated; asked first without -y; no matter when it has ended",
    covers: { stop: ["RUN_NAME", "--yes"] },
    smoke: true,
    run: async ({ name, ok, stock, getRun, task, waitForStatus }) => {
      await ok(["apply", "-f", await task(["sleep 600"]), "-y", "-d"]);
      await waitForStatus("running");
      const asked = await stock(["stop", name], { input: "n\n" });
      assert.match(asked.stdout, /Are you sure you want to stop the run/);
      assert.equal(asked.code, 0);
      assert.equal((await getRun()).status, "running");
      assert.match(await ok(["stop", name, "-y"]), /^Stopped$/m);
      assertHas(await waitForStatus("terminated"), { termination_reason: "stopped_by_user" });
      assert.match(await ok(["stop", name, "-y"]), /^Stopped$/m);
    },
  },
  {
    name: "run-abort",
    expect: "Aborted, the run ends as terminated by an abort; unknown: exit 1",
    covers: { stop: ["--abort", "--project"] },
    run: async ({ name, ok, fails, task, waitForStatus }) => {
      await ok(["apply", "-f", await task(["sleep 600"]), "-y", "-d"]);
      await waitForStatus("running");
      assert.match(await ok(["stop", "--project", "main", name, "-x", "-y"]), /^Aborted$/m);
      assertHas(await waitForStatus("terminated"), { termination_reason: "aborted_by_user" });
      assert.match(await fails(["stop", "absent", "-y"]), /Run absent not found/);
    },
  },
  {
    name: "ps-flags",
    expect: "-n, --format, --json and -v choose runs and columns; newest first; -w is refused with JSON",
    covers: { ps: ["--last", "--format", "--verbose", "--json", "--all", "--watch"] },
    run: async ({ name, ok, json, fails, task, waitForStatus }) => {
      const first = `${name}-1`;
      const second = `${name}-2`;
      await ok(["apply", "-f", await task(["exit 3"]), "-y", "-d", "-n", first]);
      await waitForStatus("failed", first);
      await ok(["apply", "-f", await task(["true"]), "-y", "-d", "-n", second]);
      await waitForStatus("done", second);
      const mine = namesOf(await json(["ps", "-n", "30", "--format", "json"])).filter((run) =>
        run.startsWith(name),
      );
      assert.deepEqual(mine, [second, first]);
      assert.equal(namesOf(await json(["ps", "-n", "1", "--json"])).length, 1);
      const verbose = readTable(await ok(["ps", "-a", "-v", "--format", "plain"]), PS_VERBOSE);
      assertHas(
        verbose.find(({ NAME }) => NAME === first),
        { RESOURCES: /cpu=\S*\d+ mem=/, "INSTANCE TYPE": "instance", STATUS: "exited (3)" },
      );
      const refused = await fails(["ps", "-w", "--json"]);
      assert.match(refused, /JSON output is not supported together with --watch/);
    },
  },
  {
    name: "ps-watch",
    expect: "a live table on a terminal, Ctrl-C leaves with 0",
    covers: { ps: ["--watch"] },
    run: async ({ name, ok, task, terminal }) => {
      await ok(["apply", "-f", await task(["sleep 600"]), "-y", "-d"]);
      await using watching = terminal(["ps", "-a", "-w"]);
      await watching.waitFor(new RegExp(`${name} .*running`));
      await ok(["stop", name, "-x", "-y"]);
      await watching.waitFor(new RegExp(`${name} .*(aborted|terminated)`));
      watching.type(CTRL_C);
      assert.equal(await watching.ended(), 0);
    },
  },
  {
    name: "ps-unknown-project",
    expect: "an empty table with exit 0 where the server does not know the project, as with the reference",
    covers: { ps: ["--project"] },
    run: async ({ stage, ok }) => {
      const { url, token } = stage.coordinator;
      const env = { DSTACK_SERVER_URL: url, DSTACK_TOKEN: token, DSTACK_PROJECT: "nowhere" };
      assert.deepEqual(readTable(await ok(["ps"], { env }), PS), []);
    },
  },
  {
    name: "ps-default",
    expect: "without flags the unfinished runs; where there are none, the latest one",
    covers: { ps: ["--project"] },
    run: async ({ name, stage, api, json, ok, task }) => {
      await api("/api/projects/create", { project_name: name });
      const { url, token } = stage.coordinator;
      const env = { DSTACK_SERVER_URL: url, DSTACK_TOKEN: token, DSTACK_PROJECT: name };
      const file = await task(["true"], { fleets: null });
      for (const run of ["one", "two"]) await ok(["apply", "-f", file, "-y", "-d", "-n", run], { env });
      assert.deepEqual(namesOf(await json(["ps", "--json"], { env })), ["two"]);
    },
  },
];
