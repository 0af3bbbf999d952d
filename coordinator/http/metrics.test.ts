import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { Metrics } from "../../shared/api/metrics.ts";
import { Run } from "../../shared/api/runs.ts";
import { startTestCoordinator, type TestCoordinator } from "../testing/startTestCoordinator.ts";
import { TestAgent } from "../testing/testAgent.ts";

let coordinator: TestCoordinator;
let agent: TestAgent;
let run: Run;
const START = Math.floor(Date.now() / 1000) * 1000 - 60_000;

beforeAll(async () => {
  coordinator = await startTestCoordinator();
  agent = await TestAgent.join(coordinator);
  const configuration = {
    type: "task",
    name: "burner",
    commands: ["sleep 100"],
    resources: { cpu: "1..", memory: "1GB..", disk: "1GB.." },
  };
  const run_spec = { run_name: "burner", configuration, ssh_key_pub: "" };
  const plan = { plan: { run_spec, current_resource: null }, force: false };
  run = Run.parse((await coordinator.post("/api/project/main/runs/apply", plan)).body);
  const id = await agent.take();
  await agent.running(id);
  const host = (at: number) => ({ cpu_us: at, memory_bytes: 1, memory_total_bytes: 4, gpus: [] });
  await agent.use(
    [0, 1, 2, 3].map((at) => ({
      at: START + at * 10_000,
      host: host(at * 10_000_000),
      jobs: [
        {
          submission_id: id,
          cpu_us: at * 5_000_000,
          memory_bytes: 2000 + at,
          working_set_bytes: 1000 + at,
          gpus: [{ utilization: 90 + at, memory_bytes: 7 }],
        },
      ],
    })),
  );
});
afterAll(() => coordinator[Symbol.asyncDispose]());

const get = async (path: string, token: string | null = coordinator.adminToken) => {
  const response = await fetch(`${coordinator.url}${path}`, {
    headers: token === null ? {} : { authorization: `Bearer ${token}` },
  });
  return { status: response.status, body: (await response.json()) as unknown };
};

const JOB = "/api/project/main/metrics/job/burner";
const valuesOf = async (path: string, name: string) =>
  Metrics.parse((await get(path)).body).metrics.find((metric) => metric.name === name)?.values;

describe("metrics/job", () => {
  test("answers the newest sample alone, unless more are asked for", async () => {
    expect(await valuesOf(JOB, "gpu_util_percent_gpu0")).toEqual([93]);
    expect(await valuesOf(`${JOB}?limit=1000`, "gpu_util_percent_gpu0")).toEqual([93, 92, 91]);
    expect(await valuesOf(`${JOB}?limit=1000`, "cpu_usage_percent")).toEqual([50, 50, 50]);
    expect(await valuesOf(`${JOB}?limit=1000`, "memory_working_set_bytes")).toEqual([1003, 1002, 1001]);
  });

  test("between two moments: after is inclusive, for the difference; before is not", async () => {
    const time = (at: number) => encodeURIComponent(new Date(START + at * 10_000).toISOString());
    expect(await valuesOf(`${JOB}?limit=9&after=${time(1)}`, "memory_usage_bytes")).toEqual([2003, 2002]);
    expect(await valuesOf(`${JOB}?limit=9&before=${time(2)}`, "memory_usage_bytes")).toEqual([2001]);
    expect((await get(`${JOB}?before=${time(1)}`)).body).toEqual({ metrics: [] });
  });

  test("finds a run by its id too, if it has that name", async () => {
    expect(await valuesOf(`${JOB}?run_id=${run.id}`, "gpus_detected_num")).toEqual([1]);
    expect((await get(`${JOB}?run_id=${crypto.randomUUID()}`)).status).toBe(400);
  });

  test.each([["/api/project/main/metrics/job/nobody"], [`${JOB}?job_num=1`], [`${JOB}?replica_num=1`]])(
    "%s is not there",
    async (path) => {
      expect(await get(path)).toEqual({
        status: 400,
        body: { detail: [{ code: "resource_not_exists", msg: "Found no job with given parameters" }] },
      });
    },
  );

  test.each(["limit=x", "limit=-1", "job_num=1.5", "after=yesterday", "run_id=1"])(
    "%s is refused, by the name of what is wrong",
    async (query) => {
      const { status, body } = await get(`${JOB}?${query}`);
      expect(status).toBe(422);
      expect(body).toMatchObject({ detail: [{ loc: ["query", query.split("=")[0]] }] });
    },
  );

  test("is for members only", async () => {
    const stranger = await coordinator.addUser("stranger");
    expect((await get(JOB, stranger)).status).toBe(403);
    const member = await coordinator.addUser("colleague", "user");
    expect((await get(JOB, member)).status).toBe(200);
    expect((await get(JOB, null)).status).toBe(401);
  });
});

describe("metrics/instance", () => {
  test("tells of the host as a whole", async () => {
    const path = "/api/project/main/metrics/instance/lab-0?limit=9";
    expect(await valuesOf(path, "cpu_usage_percent")).toEqual([100, 100, 100]);
    expect(await valuesOf(path, "memory_total_bytes")).toEqual([4, 4, 4]);
  });

  test("of one that there is", async () => {
    expect((await get("/api/project/main/metrics/instance/lab-9")).body).toEqual({
      detail: [{ code: "resource_not_exists", msg: "Resource not found" }],
    });
  });
});
