import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { SUBMISSION_LABEL } from "../agent/runtime/docker/containerSpec.ts";

const installScript = readFileSync(join(import.meta.dir, "../install.sh"), "utf8");

test("install.sh --uninstall finds containers by the label that the agent gives them", () => {
  expect(installScript).toContain(`--filter "label=${SUBMISSION_LABEL}"`);
});

test("systemd leaves a fenced agent alone, by the exit code that it ends with", () => {
  const main = readFileSync(join(import.meta.dir, "../agent/main.ts"), "utf8");
  const code = /FENCED_EXIT_CODE = (\d+);/.exec(main)?.[1];
  expect(installScript).toContain(`RestartPreventExitStatus=${code}\n`);
});
