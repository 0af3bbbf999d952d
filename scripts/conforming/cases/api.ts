import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { runOk } from "../../e2e/harness/program.ts";
import { SMALL } from "../../e2e/harness/system.ts";
import type { Case } from "../case.ts";
import { assertHas } from "../expect.ts";
import { INTERFACES } from "../interfaces.ts";
import { POOL_HOSTS } from "../pool.ts";
import { askPython } from "../python.ts";
import type { Scene } from "../scene.ts";
import { openSite, PAGE } from "../site.ts";

const PYTHON = "dstack.api.Client";
const REST = "curl, as documented";

const NOW = INTERFACES[PYTHON].filter((name) => name !== "run.attach");

const expected = {
  project: "main",
  plan: { action: "create", offers: POOL_HOSTS },
  end: "done",
  backend: "remote",
  listed: true,
  limited: 1,
  got: "done",
  absent: null,
  running: "running",
  stopped: "terminated",
  aborted: "terminated",
  greedy: 0,
  refused: /Resource name should match regex|name/,
  repo: null,
};

/** A call as the documentation has it, with curl and a body of the least. */
const curl = async ({ stage, env }: Scene, path: string, body: unknown): Promise<unknown> => {
  const { url, token } = stage.coordinator;
  const headers = ["-H", `Authorization: Bearer ${token}`, "-H", "Content-Type: application/json"];
  const args = ["curl", "-sS", "-X", "POST", ...headers, "-d", JSON.stringify(body), `${url}/api/${path}`];
  return JSON.parse(await runOk(args, { env }));
};

export const apiCases: Case[] = [
  {
    name: "python-client",
    expect: "plan, apply, refresh, status, logs, list, get, stop and abort do what a script means by them",
    covers: { [PYTHON]: NOW },
    run: async (scene) => {
      const seen = await askPython(scene, "use_api.py", scene.name);
      assertHas(seen, { ...expected, applied: scene.name, logs: /^from the script\r?$/m });
    },
  },
  {
    name: "python-by-environment",
    expect: "the same without a configuration file, by DSTACK_SERVER_URL, DSTACK_TOKEN and DSTACK_PROJECT",
    covers: { [PYTHON]: ["Client.from_config"] },
    run: async (scene) => {
      const { url, token } = scene.stage.coordinator;
      rmSync(join(scene.home, ".dstack/config.yml"));
      const variables = { DSTACK_SERVER_URL: url, DSTACK_TOKEN: token, DSTACK_PROJECT: "main" };
      const env = { ...scene.env, ...variables };
      assertHas(await askPython({ ...scene, env }, "use_api.py", scene.name), {
        project: "main",
        end: "done",
      });
    },
  },
  {
    name: "python-attach",
    expect: "attach has the ports of the job here, until it detaches; the run goes on",
    covers: { [PYTHON]: ["run.attach"] },
    run: async (scene) => {
      const site = await openSite(scene);
      assertHas(await askPython(scene, "attach_api.py", [scene.name, site.port]), {
        attached: true,
        page: PAGE,
        detached: true,
      });
      assert.equal((await scene.getRun()).status, "running");
      await scene.ok(["stop", scene.name, "-x", "-y"]);
    },
  },
  {
    name: "rest",
    expect:
      "plan, apply, poll, logs, list and stop with curl; a wrong token, body or name is told as documented",
    covers: { [REST]: INTERFACES[REST] },
    smoke: true,
    run: async (scene) => {
      const { name } = scene;
      assertHas(await curl(scene, "users/get_my_user", {}), { username: "admin" });
      const projects = (await curl(scene, "projects/list", {})) as { project_name: string }[];
      assert.ok(projects.some(({ project_name: project }) => project === "main"));
      const fleets = (await curl(scene, "project/main/fleets/list", {})) as { name: string }[];
      assert.ok(fleets.some((fleet) => fleet.name === "pool"));
      const configuration = { type: "task", name, commands: ["echo by curl"], resources: SMALL };
      const run_spec = { run_name: name, configuration, ssh_key_pub: "ssh-ed25519 AAAA none" };
      const plan = (await curl(scene, "project/main/runs/get_plan", { run_spec })) as { run_spec: unknown };
      assertHas(plan, { action: "create", project_name: "main" });
      const wish = { plan: { run_spec: plan.run_spec, current_resource: null }, force: false };
      assertHas(await curl(scene, "project/main/runs/apply", wish), { run_spec: { run_name: name } });
      await scene.waitForStatus("done");
      const run = (await curl(scene, "project/main/runs/get", { run_name: name })) as {
        jobs: { job_submissions: { id: string }[] }[];
      };
      const id = run.jobs[0]?.job_submissions[0]?.id;
      const asked = { run_name: name, job_submission_id: id, descending: false, limit: 100 };
      const { logs } = (await curl(scene, "project/main/logs/poll", asked)) as {
        logs: { message: string }[];
      };
      assert.match(logs.map(({ message }) => atob(message)).join(""), /by curl/);
      const listed = await curl(scene, "runs/list", { project_name: "main", only_active: false, limit: 1 });
      assert.equal((listed as unknown[]).length, 1);
      assert.equal(await curl(scene, "project/main/runs/stop", { runs_names: [name], abort: false }), null);
      assertHas(await curl(scene, "project/main/runs/get", { run_name: "absent" }), {
        detail: [{ code: "resource_not_exists", msg: /not found/ }],
      });
      assertHas(await curl(scene, "project/absent/runs/get", { run_name: name }), {
        detail: { msg: "Not found" },
      });
      const wrong = await curl(scene, "project/main/runs/get_plan", { run_spec: { configuration: 1 } });
      assertHas(wrong, { detail: [{}] });
    },
  },
];
