import { expect, test } from "bun:test";
import { RunConfiguration } from "./configuration.ts";
import { afterDevCommands, beforeDevCommands, INSTALL_KERNEL } from "./devCommands.ts";
import type { DevEnvironmentConfiguration } from "./devEnvironment.ts";

const dev = (configuration: object): DevEnvironmentConfiguration => {
  const parsed = RunConfiguration.parse({ type: "dev-environment", ...configuration });
  if (parsed.type !== "dev-environment") throw new Error(parsed.type);
  return parsed;
};

const say = (commands: string): string => {
  const text = commands.replace("tail -f /dev/null", "true");
  const { stdout, stderr } = Bun.spawnSync(["/bin/sh", "-c", text], { env: { DSTACK_WORKING_DIR: "/work" } });
  return stdout.toString() + stderr.toString();
};

test.each([
  ["vscode", "vscode://vscode-remote/ssh-remote+lab/work"],
  ["cursor", "cursor://vscode-remote/ssh-remote+lab/work"],
  ["windsurf", "windsurf://vscode-remote/ssh-remote+lab/work"],
  ["zed", "zed://ssh/lab/work"],
])("afterDevCommands() gives the link of %s", (ide, link) => {
  const said = say(afterDevCommands(dev({ ide }), "lab"));
  expect(said).toContain(`\n\n  ${link}\n`);
  expect(said).toEndWith("To connect via SSH, use: `ssh lab`\n\nTo exit, press Ctrl+C.\n");
});

test("afterDevCommands() has no link without an editor", () => {
  expect(say(afterDevCommands(dev({}), "lab"))).not.toContain("link");
});

test.each([
  { ide: "vscode" },
  { ide: "zed", version: "1" },
  { ide: "vscode", version: '"; reboot; "' },
  { ide: "vscode", version: "../../bin" },
])("beforeDevCommands() leaves it to the editor: %j", (configuration) => {
  expect(beforeDevCommands(dev(configuration))).toBe(INSTALL_KERNEL);
});

test("beforeDevCommands() is text that a shell reads", () => {
  const commands = beforeDevCommands(dev({ ide: "vscode", version: "abc" }));
  expect(Bun.spawnSync(["/bin/sh", "-n", "-c", commands]).exitCode).toBe(0);
});
