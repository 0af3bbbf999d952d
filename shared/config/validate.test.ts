import { describe, expect, test } from "bun:test";
import { AppError } from "../errors.ts";
import { validate } from "./validate.ts";

const messageOf = (text: string): string => {
  try {
    return validate(text, { path: "x.yml" });
  } catch (err) {
    if (err instanceof AppError) return err.message;
    throw err;
  }
};

describe("validate()", () => {
  test.each([
    ["type: task\ncommands: [x]\nenv: [TOKEN]\n", "task"],
    ["profiles: [{name: a, max_price: 1}]\n", "profiles"],
    ["type: preset\nbase: a/b\n", "preset"],
  ])("%j is a %s", (text, kind) => expect(messageOf(text)).toBe(kind));

  test.each([
    ["profiles: [{name: a, gpu: 1}]\n", "x.yml:1:22: profiles[0].gpu: Unknown property"],
    ["type: task\nname: X\ncommands: [x]\n", 'x.yml:2:7: name: The name "X" is not 2 to 41'],
    [
      `type: task\ncommands:\n  - echo \${{ env.A }}\nworking_dir: src\n`,
      "x.yml:3:5: commands[0]: Not known here: env.A",
    ],
    [`type: task\nworking_dir: src\ncommands: [x]\n`, "x.yml:2:14: working_dir: "],
    ["type: fleet\nnodes: 1\nenv: [A=1]\n", "x.yml:3:6: env: Only fleets of SSH hosts have env"],
    ["type: task\ncommands: [x]\nresources: {gpu: MI300X}\n", "x.yml:1:1: image: An image is needed for amd"],
    [
      `type: service\nport: 80\ngroups:\n  - replicas: 1\n    commands: ["\${{ groups[3].replicas[0].IP_ADDRESS }}"]\n`,
      "x.yml:5:16: replicas[0].commands[0]: There is no group 3",
    ],
  ])("%j: %s", (text, message) => expect(messageOf(text)).toContain(message));
});
