import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { Run, RunPlan } from "../../shared/api/runs.ts";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { startTestCoordinator, type TestCoordinator } from "../testing/startTestCoordinator.ts";
import { TestAgent } from "../testing/testAgent.ts";

const P = "/api/project/main";

let coordinator: TestCoordinator;
const leaving = new AbortController();
const flights: Promise<void>[] = [];

beforeAll(async () => {
  coordinator = await startTestCoordinator();
  for (const hostname of ["a", "b", "c"]) {
    const agent = await TestAgent.join(coordinator, { inventory: { hostname } });
    const perform = ({ argv }: { argv: string[] }) =>
      argv.join(" ").includes("sleep")
        ? {}
        : { output: "hi\n", exitStatus: argv.join(" ").includes("exit 3") ? 3 : 0 };
    flights.push(agent.autopilot(perform, leaving.signal));
  }
});
afterAll(async () => {
  leaving.abort();
  await Promise.all(flights);
  await coordinator[Symbol.asyncDispose]();
});

const task = (properties: Record<string, unknown> = {}) => ({
  type: "task",
  image: "busybox",
  commands: ["true"],
  resources: { cpu: "1..", memory: "1GB..", disk: null },
  ...properties,
});

const specOf = (name: string | null, properties: Record<string, unknown> = {}) => ({
  run_name: name,
  configuration: task(properties),
});

const plan = (run_spec: unknown, options: Record<string, unknown> = {}) =>
  coordinator.post(`${P}/runs/get_plan`, { run_spec, ...options });

const planOf = async (run_spec: unknown, options: Record<string, unknown> = {}) => {
  const { status, body } = await plan(run_spec, options);
  expect({ status, body }).toMatchObject({ status: 200 });
  return RunPlan.parse(body);
};

const apply = (run_spec: unknown, options: { force?: boolean; current_resource?: unknown } = {}) =>
  coordinator.post(`${P}/runs/apply`, {
    plan: { run_spec, current_resource: options.current_resource ?? null },
    force: options.force ?? false,
  });

const applied = async (...args: Parameters<typeof apply>) => {
  const { status, body } = await apply(...args);
  expect({ status, body }).toMatchObject({ status: 200 });
  return Run.parse(body);
};

const find = async (key: { run_name: string } | { id: string }): Promise<Run | undefined> => {
  const { status, body } = await coordinator.post(`${P}/runs/get`, key);
  return status === 200 ? Run.parse(body) : undefined;
};

const until = (name: string, fits: (run: Run) => boolean) =>
  waitFor(`run ${name}`, async () => {
    const run = await find({ run_name: name });
    return run !== undefined && fits(run) && run;
  });

const refusal = (msg: string, code = "error") => ({ status: 400, body: { detail: [{ msg, code }] } });

const stop = (name: string, abort = false) =>
  coordinator.post(`${P}/runs/stop`, { runs_names: [name], abort });
const remove = (...names: string[]) => coordinator.post(`${P}/runs/delete`, { runs_names: names });

describe("runs/get_plan", () => {
  test("answers what was asked, and beside it what the server makes of it", async () => {
    const { run_spec, effective_run_spec, job_plans, action } = await planOf(specOf("planned"));
    expect(run_spec).toMatchObject({ repo_id: null, ssh_key_pub: null, configuration: { priority: null } });
    expect(effective_run_spec).toMatchObject({
      repo_id: "none",
      repo_data: { repo_type: "virtual" },
      configuration: { priority: 0, nodes: 1 },
    });
    expect(effective_run_spec?.ssh_key_pub).toMatch(/^ssh-rsa .* admin\n$/);
    expect(action).toBe("create");
    expect(job_plans).toHaveLength(1);
    expect(job_plans[0]).toMatchObject({ total_offers: 3, max_price: 0, no_offers_reason: null });
    expect(await find({ run_name: "planned" })).toBeUndefined();
  });

  test("cuts the offers, not their number", async () => {
    const { job_plans } = await planOf(specOf(null), { max_offers: 2 });
    expect(job_plans[0]?.job_spec.job_name).toBe("dry-run-0-0");
    expect(job_plans[0]?.offers).toHaveLength(2);
    expect(job_plans[0]?.total_offers).toBe(3);
  });

  test("says why nothing fits", async () => {
    const { job_plans } = await planOf(specOf(null, { resources: { gpu: "H100:8" } }));
    expect(job_plans[0]).toMatchObject({ offers: [], total_offers: 0, max_price: null });
    expect(job_plans[0]?.no_offers_reason).toStartWith("Fleet is at capacity: lab-0 needs");
  });

  test("refuses a service, which no run can be yet", async () => {
    const spec = specOf("later", { type: "service", port: 80 });
    expect(await plan(spec)).toMatchObject(refusal("Services are not supported by this version yet"));
    expect(await apply(spec)).toMatchObject({ status: 400 });
  });

  test("refuses a volume that is not there, a bad name, an archive of somebody else", async () => {
    expect(await plan(specOf("x1", { volumes: ["data:/data"] }))).toMatchObject(
      refusal("Volume ['data'] not found", "resource_not_exists"),
    );
    expect(await plan(specOf("X"))).toMatchObject(
      refusal("Resource name should match regex '^[a-z][a-z0-9-]{1,40}$'"),
    );
    const id = await uploadAs(await coordinator.addUser("other", "user"));
    const spec = { ...specOf("thief"), file_archives: [{ id, path: "x" }] };
    expect(await plan(spec)).toMatchObject(refusal(`File archive ${id} not found`, "resource_not_exists"));
  });
});

const uploadAs = async (token: string): Promise<string> => {
  const bytes = new TextEncoder().encode("a tar");
  const form = new FormData();
  form.append("file", new Blob([bytes]), createHash("sha256").update(bytes).digest("hex"));
  const headers = { authorization: `Bearer ${token}` };
  const url = `${coordinator.url}/api/files/upload_archive`;
  const response = await fetch(url, { method: "POST", headers, body: form });
  return ((await response.json()) as { id: string }).id;
};

describe("runs/apply", () => {
  test("submits a run and answers it with its job", async () => {
    const run = await applied(specOf("first"));
    expect(run).toMatchObject({ user: "admin", project_name: "main", deployment_num: 0, deleted: false });
    expect(run.jobs).toHaveLength(1);
    const done = await until("first", ({ status }) => status === "done");
    expect(done).toMatchObject({ fleet: { name: "lab" }, error: null, termination_reason: "all_jobs_done" });
    expect(done.latest_job_submission).toMatchObject({ status_message: "exited (0)", exit_status: 0 });
  });

  test("names a run that has no name", async () => {
    const { run_spec } = await applied(specOf(null));
    expect(run_spec.run_name).toMatch(/^[a-z]+-[a-z]+-1$/);
  });

  test("shows the exit status of a failed run", async () => {
    await applied(specOf("failing", { commands: ["exit 3"] }));
    const run = await until("failing", ({ status }) => status === "failed");
    expect(run.latest_job_submission).toMatchObject({
      status_message: "exited (3)",
      exit_status: 3,
      error: null,
    });
  });

  test("a finished run gives up its name and is found by its id", async () => {
    const first = await applied(specOf("again"));
    await until("again", ({ status }) => status === "done");
    const second = await applied(specOf("again"));
    expect(second.id).not.toBe(first.id);
    expect(await find({ id: first.id })).toMatchObject({ deleted: true, status: "done" });
    await until("again", ({ id, status }) => id === second.id && status === "done");
  });

  test("changes an active run in place, and only what can be changed", async () => {
    const commands = ["sleep 100"];
    await applied(specOf("active", { commands }));
    const current = await until("active", ({ status }) => status === "running");
    expect((await planOf(specOf("active", { commands, priority: 5 }))).action).toBe("update");
    expect((await planOf(specOf("active", { commands: ["sleep 1"] }))).action).toBe("create");
    const wanted = specOf("active", { commands, priority: 5 });
    expect(await apply(wanted)).toMatchObject({ status: 400 });
    expect(await apply(wanted, { current_resource: { ...current, id: crypto.randomUUID() } })).toMatchObject({
      status: 400,
    });
    const updated = await applied(wanted, { current_resource: current });
    expect(updated).toMatchObject({
      id: current.id,
      deployment_num: 1,
      run_spec: { configuration: { priority: 5 } },
    });
    expect(updated.latest_job_submission?.deployment_num).toBe(1);
    expect(await apply(wanted, { current_resource: current })).toMatchObject({ status: 400 });
    expect(await applied(wanted, { force: true })).toMatchObject({ deployment_num: 2 });
    expect(await apply(specOf("active", { commands: ["sleep 1"] }), { force: true })).toMatchObject(
      refusal('Run "active" is active and cannot be changed in place\nStop it first'),
    );
    await stop("active");
    await until("active", ({ status }) => status === "terminated");
  });

  test("of two that take a name at the same time, one is refused", async () => {
    const commands = ["sleep 100"];
    const answers = await Promise.all(
      [1, 2, 3].map(() => apply(specOf("race", { commands }), { force: false })),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 400, 400]);
    await stop("race", true);
  });

  test("fails a run that fits nowhere at once, and says why", async () => {
    await applied(specOf("greedy", { resources: { gpu: "H100:8" } }));
    const run = await until("greedy", ({ status }) => status === "failed");
    expect(run.latest_job_submission).toMatchObject({
      status_message: "no capacity",
      termination_reason: "failed_to_start_due_to_no_capacity",
    });
    expect(run.latest_job_submission?.termination_reason_message).toContain("needs");
  });
});

describe("runs/stop and runs/delete", () => {
  test("stop ends a run; unknown and finished ones are passed over", async () => {
    await applied(specOf("stopped", { commands: ["sleep 100"] }));
    expect(await remove("stopped")).toMatchObject(refusal("Cannot delete active runs: ['stopped']"));
    expect(await stop("stopped")).toMatchObject({ status: 200, body: null });
    const run = await until("stopped", ({ status }) => status === "terminated");
    expect(run).toMatchObject({ termination_reason: "stopped_by_user", status_message: "terminated" });
    expect(run.latest_job_submission?.status_message).toBe("stopped");
    expect((await stop("stopped")).status).toBe(200);
    expect((await stop("unknown")).status).toBe(200);
    expect(await remove("stopped")).toMatchObject({ status: 200, body: null });
    expect(await find({ run_name: "stopped" })).toBeUndefined();
    expect(await find({ id: run.id })).toMatchObject({ deleted: true });
  });

  test("abort shows", async () => {
    await applied(specOf("aborted", { commands: ["sleep 100"] }));
    await stop("aborted", true);
    const run = await until("aborted", ({ status }) => status === "terminated");
    expect(run.latest_job_submission).toMatchObject({ status: "aborted", status_message: "aborted" });
  });
});

describe("runs/get and runs/list", () => {
  const list = async (wish: Record<string, unknown>) => {
    const { body } = await coordinator.post("/api/runs/list", wish);
    return (body as unknown[]).map((run) => Run.parse(run));
  };

  test("get needs a name or an id, of the project", async () => {
    expect(await coordinator.post(`${P}/runs/get`, {})).toMatchObject(
      refusal("run_name or id must be specified"),
    );
    const missing = refusal("Run not found", "resource_not_exists");
    expect(await coordinator.post(`${P}/runs/get`, { run_name: "nobody" })).toMatchObject(missing);
    expect(await coordinator.post(`${P}/runs/get`, { id: crypto.randomUUID() })).toMatchObject(missing);
  });

  test("pages go through all runs, each once", async () => {
    const all = await list({ project_name: "main" });
    const seen: Run[] = [];
    for (;;) {
      const last = seen.at(-1);
      const after = last ? { prev_submitted_at: last.submitted_at, prev_run_id: last.id } : {};
      const page = await list({ project_name: "main", limit: 2, ...after });
      seen.push(...page);
      if (page.length < 2) break;
    }
    expect(all.length).toBeGreaterThan(4);
    expect(seen.map(({ id }) => id)).toEqual(all.map(({ id }) => id));
    const upward = await list({ project_name: "main", ascending: true });
    expect(upward.map(({ id }) => id)).toEqual(all.map(({ id }) => id).reverse());
  });

  test("a run that is over is listed as it was, until something of it changes", async () => {
    await applied(specOf("listed-again"));
    await until("listed-again", ({ status }) => status === "done");
    const find = async (wish: Record<string, unknown> = {}, version = "0.22.5") => {
      const body = { project_name: "main", ...wish };
      const answer = await coordinator.post("/api/runs/list", body, {
        headers: { "x-api-version": version },
      });
      return (answer.body as Run[]).find(({ run_spec }) => run_spec.run_name === "listed-again");
    };
    const first = await find();
    expect(first).toMatchObject({ status: "done", deleted: false });
    expect(await find()).toEqual(first);
    expect(await find({ include_jobs: false })).toEqual({ ...first, jobs: [] } as Run);
    expect((await find({}, "0.20.13"))?.run_spec.configuration).toHaveProperty("fleets");
    expect(await find()).toEqual(first);
    await remove("listed-again");
    expect(await find()).toEqual({ ...first, deleted: true } as Run);
  });

  test("shows only what the caller may see", async () => {
    const token = await coordinator.addUser("stranger");
    expect(await coordinator.post("/api/runs/list", {}, { token })).toMatchObject({ status: 200, body: [] });
    expect(await list({ project_name: "atlantis" })).toEqual([]);
    expect(await list({ repo_id: "none" })).toEqual([]);
    expect((await list({ project_name: "main", repo_id: "none" })).length).toBeGreaterThan(0);
    expect(await list({ project_name: "main", username: "stranger" })).toEqual([]);
    expect(await coordinator.post("/api/runs/list", { username: "nobody" })).toMatchObject(
      refusal("User not found", "resource_not_exists"),
    );
  });

  test("limits", async () => {
    expect((await coordinator.post("/api/runs/list", { limit: 101 })).status).toBe(422);
    const bare = await coordinator.post("/api/runs/list", { job_submissions_limit: 0, limit: 1 });
    expect(bare.body).toMatchObject([{ jobs: [{ job_submissions: [] }] }]);
    expect((await coordinator.post("/api/runs/list", { job_submissions_limit: 11 })).status).toBe(422);
    expect(await list({ limit: 0 })).toEqual([]);
    expect((await list({ include_jobs: false }))[0]?.jobs).toEqual([]);
  });
});
