import { describe, expect, test } from "bun:test";
import { startTestCoordinator, type TestCoordinator } from "../testing/startTestCoordinator.ts";
import { TestAgent } from "../testing/testAgent.ts";

const scrape = async (coordinator: TestCoordinator, token?: string) => {
  const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const response = await fetch(`${coordinator.url}/metrics`, { headers });
  return { status: response.status, type: response.headers.get("content-type"), text: await response.text() };
};

describe("GET /metrics", () => {
  test("is not there unless it is switched on", async () => {
    await using coordinator = await startTestCoordinator();
    expect((await scrape(coordinator)).status).toBe(404);
  });

  test("asks for its token where it has one", async () => {
    await using coordinator = await startTestCoordinator({
      DSTACK_ENABLE_PROMETHEUS_METRICS: "1",
      DSTACK_PROMETHEUS_AUTH_TOKEN: "for-prometheus",
    });
    expect((await scrape(coordinator)).status).toBe(401);
    expect((await scrape(coordinator, coordinator.adminToken)).status).toBe(403);
    expect((await scrape(coordinator, "for-prometheus")).status).toBe(200);
  });

  test("tells of instances, runs and jobs, by the reference's names and labels", async () => {
    await using coordinator = await startTestCoordinator({ DSTACK_ENABLE_PROMETHEUS_METRICS: "" });
    const gpu = {
      vendor: "nvidia" as const,
      raw_name: "NVIDIA H100 80GB HBM3",
      index: 0,
      memory_mib: 81_559,
    };
    const agent = await TestAgent.join(coordinator, { inventory: { gpus: [{ ...gpu, id: "GPU-1" }] } });
    const configuration = {
      type: "task",
      name: "burner",
      commands: ["sleep 100"],
      resources: { cpu: "1..", memory: "1GB..", disk: "1GB..", gpu: 1 },
    };
    const run_spec = { run_name: "burner", configuration, ssh_key_pub: "" };
    await coordinator.post("/api/project/main/runs/apply", {
      plan: { run_spec, current_resource: null },
      force: false,
    });
    const id = await agent.take();
    await agent.running(id);
    const gpus = [{ utilization: 97, memory_bytes: 1000, memory_total_bytes: 2000, power: 500 }];
    const job = {
      submission_id: id,
      cpu_us: 5_000_000,
      memory_bytes: 300,
      working_set_bytes: 200,
      disk_read_bytes: 7,
      gpus,
    };
    const host = { cpu_us: 9_000_000, memory_bytes: 400, memory_total_bytes: 800, gpus };
    await agent.use([{ at: Date.now(), host, jobs: [job] }]);

    const { status, type, text } = await scrape(coordinator);
    expect({ status, type }).toEqual({ status: 200, type: "text/plain; version=0.0.4; charset=utf-8" });
    const instance =
      /^dstack_instance_gpu_count\{dstack_project_name="main",dstack_fleet_name="lab",dstack_fleet_id="[0-9a-f-]{36}",dstack_instance_name="lab-0",dstack_instance_id="[0-9a-f-]{36}",dstack_instance_type="instance",dstack_backend="remote",dstack_gpu="H100"\} 1$/m;
    expect(text).toMatch(instance);
    expect(text).toMatch(/^dstack_instance_cpu_time_seconds_total\{.*\} 9$/m);
    expect(text).toMatch(/^dstack_instance_gpu_usage_ratio\{.*dstack_gpu_num="0"\} 0\.97$/m);
    expect(text).toContain('dstack_run_count_total{dstack_project_name="main",dstack_user_name="admin"} 1\n');
    expect(text).toContain(
      'dstack_run_count_failed_total{dstack_project_name="main",dstack_user_name="admin"} 0\n',
    );
    const labels =
      /^dstack_job_cpu_time_seconds_total\{dstack_project_name="main",dstack_user_name="admin",dstack_run_name="burner",dstack_run_id="[0-9a-f-]{36}",dstack_job_name="burner-0-0",dstack_job_id="[0-9a-f-]{36}",dstack_job_num="0",dstack_replica_num="0",dstack_run_type="task",dstack_backend="remote",dstack_gpu="H100"\} 5$/m;
    expect(text).toMatch(labels);
    for (const [name, value] of [
      ["job_memory_usage_bytes", "300"],
      ["job_memory_working_set_bytes", "200"],
      ["job_gpu_count", "1"],
      ["job_gpu_usage_ratio", "0\\.97"],
      ["job_gpu_memory_usage_bytes", "1000"],
      ["job_gpu_power_watts", "500"],
      ["job_disk_read_bytes_total", "7"],
    ])
      expect(text).toMatch(new RegExp(`^dstack_${name}\\{.*\\} ${value}$`, "m"));
    const wait = 'project_name="main",run_type="task"';
    expect(text).toContain(`dstack_submit_to_provision_duration_seconds_bucket{${wait},le="15.0"} 1\n`);
    expect(text).toContain(`dstack_submit_to_provision_duration_seconds_bucket{${wait},le="+Inf"} 1\n`);
    expect(text).toContain(`dstack_submit_to_provision_duration_seconds_count{${wait}} 1\n`);
    expect(text).toContain(`dstack_pending_runs_total{${wait}} 0\n`);
    expect(text.match(/^# TYPE/gm)).toHaveLength(new Set(text.match(/^# TYPE .*$/gm)).size);
  });
});
