/** Hosts that a project shares with another: who runs on them, who sees what of it, and what ends when it is over. */
import { describe, expect, test } from "bun:test";
import { z } from "zod";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { startTestCoordinator, type TestCoordinator } from "../testing/startTestCoordinator.ts";
import { TestAgent } from "../testing/testAgent.ts";

const P = "/api/project/main";
const Q = "/api/project/team";
const RETRY = { on_events: ["no-capacity"], duration: "1h" };

/** Project `main` has a fleet `lab` with one host; ann is of `team` alone, which has none; max manages `main` alone. */
class Scene implements AsyncDisposable {
  readonly coordinator: TestCoordinator;
  readonly agent: TestAgent;
  readonly ann: string;
  readonly max: string;

  private constructor(coordinator: TestCoordinator, who: { agent: TestAgent; ann: string; max: string }) {
    this.coordinator = coordinator;
    [this.agent, this.ann, this.max] = [who.agent, who.ann, who.max];
  }

  static async open(): Promise<Scene> {
    const coordinator = await startTestCoordinator();
    const agent = await TestAgent.join(coordinator, { fleet: "lab" });
    await coordinator.post("/api/projects/create", { project_name: "team" });
    const ann = await coordinator.addUser("ann");
    await coordinator.post("/api/projects/team/add_members", {
      members: [{ username: "ann", project_role: "admin" }],
    });
    return new Scene(coordinator, { agent, ann, max: await coordinator.addUser("max", "manager") });
  }

  async share(rest: Record<string, unknown> = {}): Promise<void> {
    const request = { name: "capacity", importer_projects: ["team"], exported_fleets: ["lab"], ...rest };
    expect((await this.coordinator.post(`${P}/exports/create`, request)).status).toBe(200);
  }

  #spec(name: string, more: Record<string, unknown>) {
    const resources = { cpu: "1..", memory: "1GB..", disk: null };
    const configuration = { type: "task", image: "busybox", commands: ["true"], resources, ...more };
    return { run_name: name, configuration };
  }

  /** How many instances a run in `team` is offered. */
  async offers(more: Record<string, unknown> = {}): Promise<number> {
    const request = { run_spec: this.#spec("planned", more) };
    const { body } = await this.coordinator.post(`${Q}/runs/get_plan`, request, { token: this.ann });
    const Plan = z.object({ job_plans: z.array(z.object({ total_offers: z.number() })) });
    return Plan.parse(body).job_plans[0]?.total_offers ?? -1;
  }

  submit(name: string, more: Record<string, unknown> = {}, { path = Q, token = this.ann } = {}) {
    const plan = { run_spec: this.#spec(name, more), current_resource: null };
    return this.coordinator.post(`${path}/runs/apply`, { plan, force: false }, { token });
  }

  async run(name: string): Promise<Run> {
    return Run.parse(
      (await this.coordinator.post(`${Q}/runs/get`, { run_name: name }, { token: this.ann })).body,
    );
  }

  /** A run of ann's that runs on the host of `main`; answers its submission. */
  async begin(name: string): Promise<string> {
    await this.submit(name);
    const id = await this.agent.take();
    await this.agent.running(id);
    return id;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.coordinator[Symbol.asyncDispose]();
  }
}

const Run = z.object({
  status: z.string(),
  fleet: z.object({ name: z.string() }).nullable(),
  latest_job_submission: z.object({
    id: z.string(),
    termination_reason: z.string().nullable(),
    termination_reason_message: z.string().nullable(),
  }),
});
type Run = z.infer<typeof Run>;

test("a run is offered and placed on hosts of a fleet that is shared with its project, and before that on none", async () => {
  await using scene = await Scene.open();
  const { coordinator, agent, ann: token } = scene;
  expect(await scene.offers()).toBe(0);
  await scene.submit("early");
  expect(await scene.run("early")).toMatchObject({ status: "failed", fleet: null });
  await scene.share();
  expect(await scene.offers()).toBe(1);
  const id = await scene.begin("job");
  await agent.log(id, "hello from the other project\n");
  expect(await scene.run("job")).toMatchObject({ status: "running", fleet: { name: "lab" } });
  expect(await scene.offers()).toBe(1);
  await agent.finished(id, 0);
  expect((await scene.run("job")).status).toBe("done");
  const logs = {
    run_name: "job",
    job_submission_id: id,
    start_time: null,
    end_time: null,
    limit: 10,
    diagnose: false,
  };
  const polled = await coordinator.post(`${Q}/logs/poll`, logs, { token });
  expect(polled.status).toBe(200);
  // It is the owner's as before.
  await scene.submit("own", {}, { path: P, token: scene.max });
  await agent.finished(await agent.take(), 0);
});

describe("how a fleet is named", () => {
  const CASES: [string, Record<string, unknown>, number][] = [
    ["project/fleet", { fleets: ["main/lab"] }, 1],
    ["project/fleet, whatever the case of the project", { fleets: ["Main/lab"] }, 1],
    ["a name alone, of the own project", { fleets: ["lab"] }, 0],
    ["another project's", { fleets: ["team/lab"] }, 0],
    ["a project that there is not", { fleets: ["nowhere/lab"] }, 0],
    ["one of several", { fleets: ["mine", "main/lab"] }, 1],
    ["an instance", { instances: ["main/lab-0"] }, 1],
    ["an instance without its project", { instances: ["lab-0"] }, 0],
    ["an instance by fleet and number", { instances: [{ fleet: "main/lab", instance: 0 }] }, 1],
    ["an instance by number of an own fleet", { instances: [{ fleet: "lab", instance: 0 }] }, 0],
    ["a host", { instances: [{ hostname: "host-0" }] }, 1],
    ["a label", { instances: ["runtime=docker"] }, 1],
  ];

  test("selects it, or nothing", async () => {
    await using scene = await Scene.open();
    await scene.share();
    for (const [what, more, offers] of CASES)
      expect([what, await scene.offers(more)]).toEqual([what, offers]);
    await scene.submit("there", { fleets: ["main/lab"] });
    await scene.agent.finished(await scene.agent.take(), 0);
    await scene.submit("nowhere", { fleets: ["lab"] });
    const { latest_job_submission: last } = await scene.run("nowhere");
    expect(last.termination_reason_message).toContain("Failed to use specified fleets");
  });

  test("of two with one name, the own one is meant", async () => {
    await using scene = await Scene.open();
    await scene.share();
    const { coordinator, ann } = scene;
    const made = await coordinator.post(`${Q}/fleets/tokens/create`, { fleet: "lab" }, { token: ann });
    const { token } = z.object({ token: z.string() }).parse(made.body);
    const own = await TestAgent.join(coordinator, { token });
    expect(await scene.offers()).toBe(2);
    expect(await scene.offers({ fleets: ["lab"] })).toBe(1);
    await scene.submit("mine", { fleets: ["lab"] });
    await own.finished(await own.take(), 0);
    await scene.submit("theirs", { fleets: ["main/lab"] });
    await scene.agent.finished(await scene.agent.take(), 0);
  });
});

test("a run that waits begins when a fleet is shared, also with all projects", async () => {
  await using scene = await Scene.open();
  await scene.submit("waits", { retry: RETRY });
  expect((await scene.run("waits")).status).toBe("pending");
  await scene.share({ importer_projects: [], is_global: true });
  await scene.agent.finished(await scene.agent.take(), 0);
  await waitFor("the end", async () => (await scene.run("waits")).status === "done");
});

describe("when it is shared no more", () => {
  const ENDS: Record<string, (scene: Scene) => Promise<{ status: number }>> = {
    "as the export is deleted": ({ coordinator }) =>
      coordinator.post(`${P}/exports/delete`, { name: "capacity" }),
    "as the fleet is taken out of it": ({ coordinator }) =>
      coordinator.post(`${P}/exports/update`, { name: "capacity", remove_exported_fleets: ["lab"] }),
    "as the project is taken out of it": ({ coordinator }) =>
      coordinator.post(`${P}/exports/update`, { name: "capacity", remove_importer_projects: ["team"] }),
    "as the project does without it": ({ coordinator, ann }) =>
      coordinator.post(
        `${Q}/imports/delete`,
        { export_name: "capacity", export_project_name: "main" },
        { token: ann },
      ),
  };

  test.each(Object.entries(ENDS))("%s, jobs end, and nothing more is placed", async (_, end) => {
    await using scene = await Scene.open();
    await scene.share();
    const { agent } = scene;
    const id = await scene.begin("job");
    expect((await end(scene)).status).toBe(200);
    expect(await agent.sync()).toMatchObject([{ action: "stop", submission_id: id }]);
    await agent.finished(id, null);
    expect(await scene.run("job")).toMatchObject({
      status: "failed",
      latest_job_submission: {
        termination_reason: "instance_access_revoked",
        termination_reason_message: "The fleet is not shared with this project any more",
      },
    });
    expect(await scene.offers()).toBe(0);
    await scene.submit("late");
    expect((await scene.run("late")).status).toBe("failed");
  });

  test("what is shared in another way, too, goes on", async () => {
    await using scene = await Scene.open();
    await scene.share();
    await scene.share({ name: "again" });
    const id = await scene.begin("job");
    await scene.coordinator.post(`${P}/exports/delete`, { name: "capacity" });
    expect(await scene.agent.sync()).toEqual([{ action: "run", submission_id: id }]);
    expect((await scene.run("job")).status).toBe("running");
  });
});

describe("who may do what", () => {
  test("those who import change nothing about the host, and see no runs of its project", async () => {
    await using scene = await Scene.open();
    await scene.share();
    const { coordinator, ann: token } = scene;
    const wish = { name: "lab-0" };
    const wishes: [string, object][] = [
      ["cordon", wish],
      ["remove", { ...wish, force: true }],
      ["label", { ...wish, labels: { a: "b" } }],
    ];
    for (const [call, body] of wishes) {
      expect((await coordinator.post(`${P}/instances/${call}`, body, { token })).status).toBe(403);
      const own = await coordinator.post(`${Q}/instances/${call}`, body, { token });
      expect(own.body).toMatchObject({ detail: [{ code: "resource_not_exists" }] });
    }
    for (const call of ["delete", "delete_instances"]) {
      const body = call === "delete" ? { names: ["lab"] } : { name: "lab", instance_nums: [0] };
      expect((await coordinator.post(`${P}/fleets/${call}`, body, { token })).status).toBe(403);
    }
    await coordinator.post(`${Q}/fleets/delete`, { names: ["lab"] }, { token });
    expect(await scene.offers()).toBe(1);
    expect((await coordinator.post(`${P}/runs/get`, { run_name: "x" }, { token })).status).toBe(403);
  });

  test("those who share it see that it is in use and can take it back, and see nothing of the run", async () => {
    await using scene = await Scene.open();
    await scene.share();
    const { coordinator, agent, max: token } = scene;
    await scene.begin("confidential");
    const seen = await coordinator.post("/api/instances/list", {}, { token });
    expect(seen.body).toMatchObject([{ name: "lab-0", status: "busy", job_name: null }]);
    for (const call of ["get", "stop"]) {
      const body =
        call === "get" ? { run_name: "confidential" } : { runs_names: ["confidential"], abort: true };
      expect((await coordinator.post(`${Q}/runs/${call}`, body, { token })).status).toBe(403);
    }
    const refused = await coordinator.post(`${P}/fleets/delete`, { names: ["lab"] }, { token });
    expect(JSON.stringify(refused.body)).toContain("Fleet is in use");
    expect(JSON.stringify(refused.body)).not.toContain("confidential");
    const told = async (who: string) => {
      const { body } = await coordinator.post("/api/events/list", { limit: 100 }, { token: who });
      return JSON.stringify(body);
    };
    const owners = await told(token);
    expect(owners).toContain("Job assigned to instance");
    expect(owners).not.toContain("confidential");
    const theirs = await told(scene.ann);
    expect(theirs).toContain("Job assigned to instance");
    expect(theirs).toContain("confidential");
    expect(theirs).not.toContain("Instance status changed");
    await coordinator.post(`${P}/instances/remove`, { name: "lab-0", force: true }, { token });
    expect((await scene.run("confidential")).status).toBe("failed");
    expect(await told(token)).not.toContain("confidential");
    await expect(agent.sync()).rejects.toThrow("401");
  });
});

test("the nodes of a task are all in the fleet that is shared", async () => {
  await using scene = await Scene.open();
  await scene.share();
  const second = await TestAgent.join(scene.coordinator, {
    fleet: "lab",
    inventory: { hostname: "host-1", addresses: ["10.0.0.2/24"] },
  });
  await scene.submit("gang", { nodes: 2, fleets: ["main/lab"] });
  const ids = [await scene.agent.take(), await second.take()];
  expect(new Set(ids).size).toBe(2);
});
