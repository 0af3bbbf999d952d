import assert from "node:assert/strict";
import { waitFor } from "../../../shared/testing/waitFor.ts";
import type { Case } from "../case.ts";
import { assertHas } from "../expect.ts";
import type { Scene } from "../scene.ts";

const write = ({ write: put, name }: Scene, more: Record<string, unknown>): Promise<string> =>
  put(`${name}.dstack.yml`, {
    type: "dev-environment",
    name,
    fleets: ["pool"],
    resources: { cpu: "1..", memory: "64MB..", disk: "100MB.." },
    ...more,
  });

export const devEnvironmentCases: Case[] = [
  {
    name: "dev-environment",
    expect:
      "setup and init run, then its log has the link and the way in by SSH; it runs until it is stopped",
    covers: { apply: ["--file", "--detach"] },
    smoke: true,
    run: async (scene) => {
      const { name, ok, waitForStatus } = scene;
      const file = await write(scene, { ide: "cursor", setup: ["echo set-up"], init: ["echo begun"] });
      assert.match(await ok(["apply", "-f", file, "-y", "-d"]), /^ Type +dev-environment *$/m);
      await waitForStatus("running");
      const log = await waitFor("the hint", async () => {
        const said = await ok(["logs", name]);
        return said.includes("To exit, press Ctrl+C.") ? said : undefined;
      });
      assert.match(log, /set-up\r?\nbegun\r?\n\r?\nTo open in Cursor, use link below:/);
      assert.match(log, new RegExp(`cursor://vscode-remote/ssh-remote\\+${name}/\\S+`));
      assert.match(log, new RegExp(`To connect via SSH, use: \`ssh ${name}\``));
      await ok(["stop", name, "-y"]);
      await waitForStatus("terminated");
    },
  },
  {
    name: "dev-environment-init-fails",
    expect: "the first command of init that fails ends it, with its exit status",
    covers: { apply: ["--detach"] },
    run: async (scene) => {
      const { name, ok, json, waitForStatus } = scene;
      await ok(["apply", "-f", await write(scene, { init: ["exit 7", "echo never"] }), "-y", "-d"]);
      await waitForStatus("failed");
      assertHas(await json(["run", "get", name, "--json"]), {
        jobs: [{ job_submissions: [{ exit_status: 7, termination_reason: "container_exited_with_error" }] }],
      });
      assert.doesNotMatch(await ok(["logs", name]), /never|To connect/);
    },
  },
  {
    name: "dev-environment-update",
    expect:
      "inactivity_duration is changed in place; whoever is idle for that long is ended, with the reason",
    covers: { apply: ["--yes"], ps: ["--all", "--verbose"] },
    run: async (scene) => {
      const { name, ok, json, getRun, waitForStatus } = scene;
      await ok(["apply", "-f", await write(scene, { inactivity_duration: "1h" }), "-y", "-d"]);
      const { id } = await waitForStatus("running");
      const changed = await write(scene, { inactivity_duration: 3 });
      assert.match(await ok(["apply", "-f", changed, "-y", "-d"]), /inactivity_duration|Inactivity duration/);
      assert.equal((await getRun()).id, id);
      await waitForStatus("terminated");
      assertHas(await json(["run", "get", name, "--json"]), {
        jobs: [{ job_submissions: [{ termination_reason: "inactivity_duration_exceeded" }] }],
      });
      assert.match(await ok(["ps", "-a", "-v"]), /inactivity duration exceeded/);
    },
  },
];
