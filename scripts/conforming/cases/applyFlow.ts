import assert from "node:assert/strict";
import type { Case } from "../case.ts";
import { assertHas, assertInOrder } from "../expect.ts";
import { CTRL_C } from "../terminal.ts";

export const applyFlowCases: Case[] = [
  {
    name: "plan-preview",
    expect: "echo n | apply: the plan, the question, Exiting..., exit 0, nothing submitted",
    covers: { apply: ["--file"] },
    smoke: true,
    run: async ({ name, stock, fails, task }) => {
      const { stdout, code } = await stock(["apply", "-f", await task(["true"])], { input: "what\nn\n" });
      assert.equal(code, 0);
      assertInOrder(stdout, [
        /^ Project +main *$/m,
        /^ User +admin *$/m,
        /^ Type +task \(nodes=1\) *$/m,
        /^ Resources +cpu=.*mem=0\.0625GB\.\./m,
        /^ Retry policy +off *$/m,
        /^ # {2}BACKEND +RESOURCES +INSTANCE TYPE +PRICE/m,
        new RegExp(`Submit the run ${name}\\? \\[y/n\\]:`),
        "Please enter Y or N",
        "Exiting...",
      ]);
      assert.match(await fails(["run", "get", name, "--json"]), /not found/);
    },
  },
  {
    name: "apply-stdin",
    expect: "the configuration comes by a pipe with -f - -y; without -y: refused, exit 1",
    covers: { apply: ["--file", "--yes", "--detach"] },
    run: async ({ name, ok, fails, task, dir, waitForStatus }) => {
      const input = await Bun.file(`${dir}/${await task(["echo piped"])}`).text();
      assert.match(await ok(["apply", "-f", "-", "-y", "-d"], { input }), /submitted, detaching/);
      await waitForStatus("done");
      assert.match(await ok(["logs", name]), /^piped\r?$/m);
      const refused = await fails(["apply", "-f", "-"], { input });
      assert.match(refused, /Cannot read configuration from stdin if -y\/--yes is not specified/);
    },
  },
  {
    name: "apply-default-file",
    expect: "without -f .dstack.yml is meant; none, or one that is not there, or wrong: said, exit 1",
    covers: { apply: ["--file"] },
    run: async ({ name, ok, fails, write, task, dir }) => {
      assert.match(await fails(["apply", "-y"]), /no default .dstack.yml configuration found/);
      assert.match(await fails(["apply", "-y", "-f", "x.yml"]), /Configuration file x.yml does not exist/);
      await write("wrong.dstack.yml", { type: "task", comands: ["true"] });
      assert.match(await fails(["apply", "-y", "-f", "wrong.dstack.yml"]), /comands/);
      await write(".dstack.yml", await Bun.file(`${dir}/${await task(["true"])}`).text());
      assert.match(await ok(["apply", "-y", "-d"]), new RegExp(`Run ${name} submitted`));
      await write("env.dstack.yml", { type: "task", commands: ["true"], env: ["UNSET_ANYWHERE"] });
      const unset = await fails(["apply", "-y", "-d", "-f", "env.dstack.yml"]);
      assert.match(unset, /Environment variable UNSET_ANYWHERE is not set/);
    },
  },
  {
    name: "apply-again",
    expect:
      "unchanged: Use --force; priority: updated in place; commands: override asked; --force: made anew",
    covers: { apply: ["--force", "--yes", "--detach"] },
    run: async ({ name, ok, stock, task, getRun, waitForStatus }) => {
      const args = ["apply", "-f", `${name}.dstack.yml`];
      await task(["sleep 600"]);
      await ok([...args, "-y", "-d"]);
      const first = await waitForStatus("running");
      const unchanged = await ok([...args, "-y", "-d"]);
      assertInOrder(unchanged, ["already exists. Detected no changes.", "Use --force to apply anyway."]);
      await task(["sleep 600"], { priority: 42 });
      const updated = await ok([...args, "-y", "-d"]);
      assertInOrder(updated, [
        "Detected changes that can be updated in-place:",
        "- priority",
        `Run ${name} updated, detaching...`,
      ]);
      const second = await getRun();
      assert.equal(second.id, first.id);
      assertHas(second.run_spec.configuration, { priority: 42 });
      await task(["sleep 601"], { priority: 42 });
      const asked = await stock(args, { input: "n\n" });
      assertInOrder(asked.stdout, [
        "Detected changes that cannot be updated in-place:",
        "- commands",
        "Stop and override the run? [y/n]:",
        "Exiting...",
      ]);
      assert.match(await ok([...args, "-y", "-d"]), new RegExp(`Run ${name} submitted, detaching`));
      const third = await waitForStatus("running");
      assert.notEqual(third.id, first.id);
      assert.match(await ok([...args, "-y", "-d", "--force"]), new RegExp(`Run ${name} updated, detaching`));
      const fourth = await getRun();
      assert.notEqual(fourth.id, third.id);
      await ok(["stop", name, "-x", "-y"]);
    },
  },
  {
    name: "apply-refused",
    expect:
      "a name that is none, and what no offer fits: the first refused with 1, the second submitted, no capacity",
    covers: { "apply task": ["--name", "--gpu"] },
    run: async ({ name, ok, fails, task, json, waitForStatus }) => {
      const file = await task(["true"]);
      const refused = await fails(["apply", "-f", file, "-y", "-d", "-n", "Wrong_Name"]);
      assert.match(refused, /Resource name should match regex/);
      const out = await ok(["apply", "-f", file, "-y", "-d", "--gpu", "H200:8"]);
      assert.match(out, /No matching instance offers available\. Possible reasons:/);
      await waitForStatus("failed");
      assertHas(await json(["run", "get", name, "--json"]), {
        status: "failed",
        jobs: [
          {
            job_submissions: [
              { status_message: "no capacity", termination_reason: "failed_to_start_due_to_no_capacity" },
            ],
          },
        ],
      });
    },
  },
  {
    name: "prompts",
    expect: "Ctrl-C at the question: Cancelled by user, exit 1; end of input: exit 1; nothing submitted",
    covers: { apply: ["--file"] },
    run: async ({ name, stock, fails, task, terminal }) => {
      const file = await task(["true"]);
      await using asking = terminal(["apply", "-f", file]);
      await asking.waitFor(/Submit the run .*\[y\/n\]/);
      asking.type(CTRL_C);
      await asking.waitFor(/Cancelled by user/);
      assert.equal(await asking.ended(), 1);
      assert.equal((await stock(["apply", "-f", file], { input: "" })).code, 1);
      assert.match(await fails(["run", "get", name, "--json"]), /not found/);
    },
  },
  {
    name: "delete-run",
    expect:
      "asked first; an active run is refused with 1; a finished one is gone; then there is none: exit 1",
    covers: { delete: ["--file", "--yes", "--project", "alias destroy"] },
    run: async ({ name, ok, stock, fails, task, waitForStatus, write }) => {
      const file = await task(["sleep 600"]);
      await ok(["apply", "-f", file, "-y", "-d"]);
      await waitForStatus("running");
      assert.match(await fails(["delete", "-f", file, "-y"]), /Cannot delete active runs/);
      await ok(["stop", name, "-x", "-y"]);
      await waitForStatus("terminated");
      const asked = await stock(["delete", "-f", file], { input: "n\n" });
      assert.match(asked.stdout, /Delete the run .*\?/);
      const done = await ok(["destroy", "--project", "main", "-f", file, "-y"]);
      assert.match(done, new RegExp(`Run ${name} deleted`));
      assert.match(await fails(["delete", "-f", file, "-y"]), new RegExp(`Run ${name} does not exist`));
      await write("nameless.dstack.yml", { type: "task", commands: ["true"] });
      const nameless = await fails(["delete", "-f", "nameless.dstack.yml", "-y"]);
      assert.match(nameless, /Configuration specifies no run to delete/);
    },
  },
];
