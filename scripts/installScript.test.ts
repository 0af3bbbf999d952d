import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { SUBMISSION_LABEL } from "../agent/runtime/docker/containerSpec.ts";
import { tempDir } from "../shared/testing/tempDir.ts";

const installScript = readFileSync(join(import.meta.dir, "../install.sh"), "utf8");

test("install.sh --uninstall finds containers by the label that the agent gives them", () => {
  expect(installScript).toContain(`--filter "label=${SUBMISSION_LABEL}"`);
});

test("systemd leaves an agent alone that a restart cannot mend, by the exit codes that it ends with", () => {
  const main = readFileSync(join(import.meta.dir, "../agent/main.ts"), "utf8");
  const codes = ["FENCED", "NOT_JOINED"].map(
    (name) => new RegExp(`${name}_EXIT_CODE = (\\d+);`).exec(main)?.[1],
  );
  expect(installScript).toContain(`RestartPreventExitStatus=${codes.join(" ")}\n`);
});

/** The unit that install.sh writes, for a program that is there. */
const writeUnit = (dir: string, variables: string): string => {
  const unit = join(dir, "dstack-agent.service");
  const functions = installScript.replace(/^main "\$@"$/m, "");
  const lines = `init=systemd unit=${unit} bin=/bin/true bin_dir=/usr/local/bin env_file=/etc/default/x runtime= ${variables}`;
  const { exitCode, stderr } = Bun.spawnSync(["sh", "-c", `${functions}\n${lines}\nwrite_systemd_unit`]);
  expect([exitCode, stderr.toString()]).toEqual([0, ""]);
  return unit;
};

const hasAnalyze = Bun.which("systemd-analyze") !== null;
const name = "the unit is one that systemd takes";

test.skipIf(!hasAnalyze)(hasAnalyze ? name : `${name} [needs systemd-analyze]`, () => {
  using dir = tempDir();
  for (const variables of [
    "state_dir=/var/lib/dstack-agent",
    "state_dir=/var/lib/dstack-agent runtime=docker",
    "state_dir=/data/agent",
    "state_dir=/home/me/.local/state/dstack-agent init=systemd-user",
  ]) {
    const unit = writeUnit(dir.path, variables);
    // Of this machine's own units it would say what is wrong with them as well.
    const env = { SYSTEMD_UNIT_PATH: dir.path, PATH: "/usr/bin:/bin" };
    const { stderr } = Bun.spawnSync(
      ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", unit],
      { env },
    );
    expect(stderr.toString()).toBe("");
    const text = readFileSync(unit, "utf8");
    expect(text).toContain("\nType=notify\n");
    expect(text.includes("StateDirectory=dstack-agent\n")).toBe(
      variables.includes("/var/lib") && !variables.includes("user"),
    );
    expect(text.includes("NoNewPrivileges=yes")).toBe(variables.includes("docker"));
  }
});
