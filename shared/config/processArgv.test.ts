import { describe, expect, test } from "bun:test";
import { RunSpec } from "../api/runs.ts";
import { RunConfiguration } from "./configuration.ts";
import { jobEnv } from "./jobEnv.ts";
import { getJobSpecs } from "./jobSpecs.ts";
import { needsImage, processArgv } from "./processArgv.ts";

const argvOf = (configuration: object): string[] => {
  const [job] = getJobSpecs(RunSpec.parse({ configuration }), { runName: "dev", defaultPython: "3.12" });
  if (!job) throw new Error("no job");
  return processArgv(job);
};

describe("processArgv()", () => {
  test("runs the commands without what makes the default image ready", () => {
    expect(argvOf({ type: "task", commands: ["echo a", "sleep 1 &"] })).toEqual([
      "/bin/bash",
      "-i",
      "-c",
      "echo a && { sleep 1 & }",
    ]);
    expect(argvOf({ type: "task", python: "3.11", shell: "sh", commands: ["x"] })[3]).toBe("x");
  });

  test("installs nothing for a dev environment either", () => {
    const [, , , text = ""] = argvOf({ type: "dev-environment", init: ["make"] });
    expect(text).toStartWith("make && echo && ");
    expect(text).toEndWith("tail -f /dev/null");
    expect(text).not.toContain("pip");
  });

  test("keeps the words of an entrypoint", () => {
    const task = { type: "task", entrypoint: "python -m http.server", commands: ["8000"] };
    expect(argvOf(task)).toEqual(["python", "-m", "http.server", "8000"]);
  });

  test("refuses a job whose command is the image's", () => {
    expect(() => processArgv({ commands: [] })).toThrow(/runs no containers/);
  });

  test("what it gives is what a shell runs", () => {
    const [shell = "", , , text = ""] = argvOf({
      type: "task",
      shell: "sh",
      commands: ["x='a b'", 'echo "$x"'],
    });
    expect(Bun.spawnSync([shell, "-c", text]).stdout.toString()).toBe("a b\n");
  });
});

test.each([
  [{ type: "task", commands: ["x"] }, false],
  [{ type: "task", commands: ["x"], nvcc: true, python: "3.12" }, false],
  [{ type: "task", image: "app" }, true],
  [{ type: "dev-environment", docker: true }, true],
  [{ type: "service", port: 80, replicas: [{ count: 1, image: "app" }] }, true],
  [{ type: "service", port: 80, replicas: [{ count: 1, commands: ["x"] }] }, false],
])("needsImage() %j", (configuration, needed) => {
  expect(needsImage(RunConfiguration.parse(configuration))).toBe(needed);
});

describe("jobEnv()", () => {
  const placement = {
    runId: "run-id",
    runName: "train",
    repoId: null,
    submissionId: "job-id",
    nodeIps: ["10.0.0.1", "10.0.0.2"],
    gpusPerNode: [8, 4],
  };

  test("tells a node its place among the nodes", () => {
    expect(jobEnv({ job_num: 1, jobs_per_replica: 2, env: {} }, placement)).toEqual({
      DSTACK_RUN_ID: "run-id",
      DSTACK_RUN_NAME: "train",
      DSTACK_JOB_ID: "job-id",
      DSTACK_NODES_NUM: "2",
      DSTACK_NODE_RANK: "1",
      DSTACK_NODES_IPS: "10.0.0.1\n10.0.0.2",
      DSTACK_MASTER_NODE_IP: "10.0.0.1",
      DSTACK_GPUS_PER_NODE: "4",
      DSTACK_GPUS_NUM: "12",
    });
  });

  test("lets the configuration have the last word", () => {
    const env = { DSTACK_NODES_NUM: "1", LEVEL: "" };
    expect(jobEnv({ job_num: 0, jobs_per_replica: 2, env }, { ...placement, repoId: "r" })).toMatchObject({
      DSTACK_NODES_NUM: "1",
      DSTACK_REPO_ID: "r",
      LEVEL: "",
    });
  });
});
