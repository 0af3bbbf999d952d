import { expect, test } from "bun:test";
import { parse } from "yaml";
import { JOIN_FORMATS, joinSnippet } from "./joinSnippet.ts";

const token = {
  fleet: "rack",
  join_command: "printf '%s\\n' 'echo \"$@\"' | sh -s -- --token join-x.sha256-00",
  expires_at: "2026-11-28T00:00:00+00:00",
};

const commandOf = (text: string): string => {
  if (!text.startsWith("#")) return text;
  const parsed: unknown = parse(text);
  if (Array.isArray(parsed)) return (parsed as AnsibleTask[])[0]?.["ansible.builtin.shell"].cmd ?? "";
  return (parsed as { runcmd: string[][] }).runcmd[0]?.[2] ?? "";
};

interface AnsibleTask {
  "ansible.builtin.shell": { cmd: string };
}

const run = (command: string) => {
  const { stdout, exitCode } = Bun.spawnSync(["sh", "-c", command]);
  return { out: stdout.toString(), exitCode };
};

test.each([...JOIN_FORMATS])("%s runs the script with the token", (format) => {
  const { out, exitCode } = run(commandOf(joinSnippet(token, format)));
  expect(out).toBe("--token join-x.sha256-00\n");
  expect(exitCode).toBe(0);
});

test.each(["cloud-init", "ansible"] as const)("%s fails where the script does not come", (format) => {
  const lost = { ...token, join_command: "false | sh -s -- --token join-x" };
  expect(run(commandOf(joinSnippet(lost, format))).exitCode).not.toBe(0);
});
