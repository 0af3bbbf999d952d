import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { waitFor } from "../../../shared/testing/waitFor.ts";
import type { Case } from "../case.ts";
import { assertHas } from "../expect.ts";

/** What a task's file may say, as the stock client sends it. */
export const featureCases: Case[] = [
  {
    name: "env-and-files",
    expect: "variables of the file, the flag and the shell; files and folders, without what is ignored",
    covers: { apply: ["--file"], "apply task": ["--env"] },
    smoke: true,
    run: async ({ name, dir, ok, task, write, waitForStatus }) => {
      mkdirSync(join(dir, "data"));
      await write("data/kept.txt", "kept\n");
      await write("data/skipped.bin", "skipped\n");
      await write("data/.dstackignore", "*.bin\n");
      await write("single.txt", "single\n");
      const file = await task(["cat data/kept.txt single.txt", "ls data", 'echo "$A-$B-$C"'], {
        env: ["A=file", "B=file", "C"],
        files: ["data", "single.txt"],
      });
      await ok(["apply", "-f", file, "-y", "-d", "-e", "B=flag"], { env: { C: "shell" } });
      await waitForStatus("done");
      const log = await ok(["logs", name]);
      assert.match(log, /^kept\r?\nsingle\r?\nkept\.txt\r?\nfile-flag-shell\r?$/m);
    },
  },
  {
    name: "files-too-large",
    expect: "what is over the server's limit is refused with its size before the plan, exit 1",
    covers: { apply: ["--file"] },
    run: async ({ fails, task, write }) => {
      await write("large.bin", "x".repeat(3 * 1024 * 1024));
      const refused = await fails([
        "apply",
        "-f",
        await task(["true"], { files: ["large.bin"] }),
        "-y",
        "-d",
      ]);
      assert.match(refused, /Archive size is 3\.0MiB, which exceeds the limit of 2\.0MiB/);
      const absent = await fails(["apply", "-f", await task(["true"], { files: ["absent"] }), "-y", "-d"]);
      assert.match(absent, /Path '.*absent' specified in `files` does not exist/);
    },
  },
  {
    name: "two-nodes",
    expect: "both nodes at once, each with the addresses of all; a row for each in ps",
    covers: { ps: ["--all"], logs: ["--job"] },
    run: async ({ name, ok, json, task, waitForStatus }) => {
      const file = await task(
        ['echo "$DSTACK_NODE_RANK/$DSTACK_NODES_NUM of $DSTACK_NODES_IPS" | tr "\\n" " "'],
        {
          nodes: 2,
        },
      );
      await ok(["apply", "-f", file, "-y", "-d"]);
      await waitForStatus("done");
      const jobs = [{ job_spec: { job_num: 0, jobs_per_replica: 2 } }, { job_spec: { job_num: 1 } }];
      assertHas(await json(["run", "get", name, "--json"]), { jobs });
      assert.match(await ok(["logs", name, "--job", "1"]), /1\/2 of \S+\s+\S+/);
      assert.match(await ok(["ps", "-a"]), new RegExp(`^ ${name} .*\\n +job=0 .*\\n +job=1 `, "m"));
    },
  },
  {
    name: "retry",
    expect: "a job that fails is tried again; a run without capacity waits, and says so",
    covers: { "apply task": ["--retry"], "run get": ["--json"] },
    run: async ({ name, dir, ok, json, task, getRun }) => {
      const mark = join(dir, "tried");
      const commands = [`if [ -e ${mark} ]; then exit 0; fi`, `touch ${mark}`, "exit 1"];
      const retry = { on_events: ["error"], duration: "1h" };
      await ok(["apply", "-f", await task(commands, { retry }), "-y", "-d"]);
      const again = `${name}-queued`;
      const queued = await task(["true"], { retry: true, resources: { gpu: "H200:8" } });
      await ok(["apply", "-f", queued, "-y", "-d", "-n", again]);
      await waitFor(
        "second submission",
        async () => (await getRun()).jobs[0]?.job_submissions.length === 2,
        60_000,
      );
      assertHas(await json(["run", "get", again, "--json"]), { status: /^(pending|submitted)$/ });
      await ok(["stop", again, "-x", "-y"]);
    },
  },
  {
    name: "schedule",
    expect: "the run is pending, with the time when it begins; the plan is as for any other",
    covers: { "run get": ["--json"] },
    run: async ({ name, ok, json, task }) => {
      const file = await task(["true"], { schedule: { cron: "0 3 1 1 *" } });
      await ok(["apply", "-f", file, "-y", "-d"]);
      assertHas(await json(["run", "get", name, "--json"]), {
        status: "pending",
        next_triggered_at: /^\d{4}-01-01T03:00:00/,
      });
      await ok(["stop", name, "-x", "-y"]);
    },
  },
  {
    name: "limits",
    expect: "max_duration ends a run as terminated, with its reason; policies are kept as written",
    covers: { "apply task": ["--max-duration"], "run get": ["--json"] },
    run: async ({ name, ok, json, task, waitForStatus }) => {
      const policy = { min_gpu_utilization: 30, time_window: "30m" };
      const more = {
        utilization_policy: policy,
        stop_criteria: "master-done",
        priority: 7,
        stop_duration: "5s",
      };
      await ok(["apply", "-f", await task(["sleep 600"], more), "-y", "-d", "--max-duration", "2s"]);
      await waitForStatus("terminated");
      assertHas(await json(["run", "get", name, "--json"]), {
        run_spec: {
          configuration: {
            max_duration: 2,
            utilization_policy: { min_gpu_utilization: 30, time_window: 1800 },
            stop_criteria: "master-done",
            priority: 7,
          },
        },
        jobs: [{ job_submissions: [{ termination_reason: "max_duration_exceeded" }] }],
      });
    },
  },
];
