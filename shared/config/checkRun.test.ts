import { describe, expect, test } from "bun:test";
import { RunSpec } from "../api/runs.ts";
import { AppError } from "../errors.ts";
import { configurationCases } from "../testing/golden.ts";
import { checkRun } from "./checkRun.ts";
import { RunConfiguration } from "./configuration.ts";
import { getJobSpecs } from "./jobSpecs.ts";
import { loadConfiguration } from "./load.ts";

/** Refusals of the server that follow from the configuration alone. */
const OURS = [
  "035-task-env-groups-reference",
  "102-task-gpu-amd-needs-image",
  "110-task-cpu-arm-needs-image",
  "111-task-cpu-arm-docker",
  "143-task-retry-negative-duration",
  "157-task-utilization-long-window",
  "189-task-volume-bad-variable",
  "226-task-groups-reference-out-of-range",
  "285-dev-init-groups-reference",
  "342-service-probe-timeout-long",
  "343-service-probe-eleven",
  "352-service-schedule-from-zero",
  "374-service-groups-dynamo-retry",
  "377-service-groups-arm",
  "378-service-groups-amd",
];

const cases = configurationCases();

const specsOf = (configuration: unknown) =>
  getJobSpecs(RunSpec.parse({ configuration }), { runName: "run", defaultPython: "3.12" });

describe("getJobSpecs() refuses what the reference's server refuses", () => {
  test.each(cases.filter(({ name }) => OURS.includes(name)))("$name", ({ text }) => {
    const configuration = loadConfiguration(text, { path: "x" });
    expect(() => specsOf(configuration)).toThrow(AppError);
  });

  test("all of them are there", () => {
    expect(OURS.filter((name) => !cases.some((golden) => golden.name === name))).toEqual([]);
  });
});

const messageOf = (configuration: object): string | undefined => {
  try {
    checkRun(RunConfiguration.parse({ type: "task", commands: ["x"], ...configuration }), null);
  } catch (err) {
    return (err as AppError).message;
  }
  return undefined;
};

const address = (reference: string) => `ping \${{ ${reference} }}`;

test.each([
  [{ resources: { gpu: "MI300X" } }, "image: An image is needed for amd: the default one is for nvidia"],
  [{ resources: { gpu: "MI300X" }, image: "rocm" }, undefined],
  [{ resources: { gpu: "amd:0" } }, undefined],
  [{ resources: { gpu: "Z100" } }, undefined],
  [{ resources: { cpu: "arm" } }, "image: An image is needed for ARM: the default one is for x86"],
  [{ commands: [address("groups[0].nodes[0].IP_ADDRESS")] }, undefined],
  [
    { commands: [address("groups[0].nodes[1].IP_ADDRESS")], nodes: 1 },
    'commands[0]: Group 0 has 1 nodes for certain: "groups[0].nodes[1].IP_ADDRESS" is none of them',
  ],
  [
    { commands: ["x", address("groups[1].nodes[0].IP_ADDRESS")] },
    'commands[1]: There is no group 1: "groups[1].nodes[0].IP_ADDRESS"',
  ],
  [
    { commands: [address("groups[0].replicas[0].IP_ADDRESS")] },
    `commands[0]: Not a reference like \${{ groups[0].nodes[0].IP_ADDRESS }}: "groups[0].replicas[0].IP_ADDRESS"`,
  ],
  [{ commands: [address("secrets.token"), address("secrets.groups")] }, undefined],
])("checkRun() of %j", (configuration, message) => expect(messageOf(configuration)).toBe(message as string));
