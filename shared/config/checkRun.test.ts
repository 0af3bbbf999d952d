import { expect, test } from "bun:test";
import type { AppError } from "../errors.ts";
import { checkRun } from "./checkRun.ts";
import { RunConfiguration } from "./configuration.ts";

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
