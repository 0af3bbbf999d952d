import { expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { silentLogger } from "../../shared/log.ts";
import { tempDir } from "../../shared/testing/tempDir.ts";
import type { UsedJob } from "../jobs/runningJobs.ts";
import { JobUsageReader } from "./jobUsage.ts";

const ID = "9d2c1f0e-3b4a-4c5d-8e6f-7a8b9c0d1e2f";
const CONTAINER = "4f5e6d7c8b9a";

/** A host with one container, the process 7. */
const makeHost = () => {
  const dir = tempDir();
  const cgroup = join(dir.path, "sys/fs/cgroup/docker", CONTAINER);
  for (const path of [cgroup, join(dir.path, "proc/7/net"), join(dir.path, "proc/self")])
    mkdirSync(path, { recursive: true });
  writeFileSync(
    join(dir.path, "proc/self/mountinfo"),
    "31 23 0:28 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
  );
  writeFileSync(join(dir.path, "proc/7/cgroup"), `0::/docker/${CONTAINER}\n`);
  writeFileSync(join(dir.path, "proc/7/net/dev"), "  eth0: 100 1 0 0 0 0 0 0 200 1 0 0 0 0 0 0\n");
  const use = (cpuUs: number) => {
    writeFileSync(join(cgroup, "cpu.stat"), `usage_usec ${cpuUs}\n`);
    writeFileSync(join(cgroup, "memory.current"), "5000\n");
    writeFileSync(join(cgroup, "memory.stat"), "inactive_file 1000\n");
  };
  use(1_000_000);
  return { path: dir.path, use, [Symbol.dispose]: () => dir[Symbol.dispose]() };
};

const aJob = (account: Partial<UsedJob["account"]> = {}): UsedJob => ({
  submissionId: ID,
  gpuIds: ["GPU-b", "GPU-a"],
  account: { pid: () => Promise.resolve(7), container: CONTAINER, hasNetwork: true, ...account },
});

test("a container's usage is that of its cgroup, its network, and its own GPUs in its own order", async () => {
  using host = makeHost();
  const reader = new JobUsageReader(host.path, silentLogger);
  const gpus = new Map([
    ["GPU-a", { utilization: 1 }],
    ["GPU-b", { utilization: 2 }],
    ["GPU-c", { utilization: 3 }],
  ]);
  expect(await reader.read([aJob()], gpus)).toEqual([
    {
      submission_id: ID,
      cpu_us: 1_000_000,
      memory_bytes: 5000,
      working_set_bytes: 4000,
      network_in_bytes: 100,
      network_out_bytes: 200,
      gpus: [{ utilization: 2 }, { utilization: 1 }],
    },
  ]);
});

test("a GPU of which nothing is known keeps its place", async () => {
  using host = makeHost();
  const reader = new JobUsageReader(host.path, silentLogger);
  const [usage] = await reader.read([aJob()], new Map([["GPU-a", { utilization: 1 }]]));
  expect(usage?.gpus).toEqual([{}, { utilization: 1 }]);
});

test("on the host's network, what goes over it is not the job's", async () => {
  using host = makeHost();
  const reader = new JobUsageReader(host.path, silentLogger);
  const [usage] = await reader.read([aJob({ hasNetwork: false })], new Map());
  expect(usage).not.toHaveProperty("network_in_bytes");
});

test("counters never fall", async () => {
  using host = makeHost();
  const reader = new JobUsageReader(host.path, silentLogger);
  await reader.read([aJob()], new Map());
  host.use(400_000);
  expect((await reader.read([aJob()], new Map()))[0]?.cpu_us).toBe(1_000_000);
  host.use(1_400_000);
  expect((await reader.read([aJob()], new Map()))[0]?.cpu_us).toBe(1_400_000);
});

test("an engine that does not answer is asked again for the next sample, one that has answered is not", async () => {
  using host = makeHost();
  const reader = new JobUsageReader(host.path, silentLogger);
  let asked = 0;
  const account = {
    pid: () => {
      asked++;
      return asked === 1 ? Promise.reject(new Error("away")) : Promise.resolve(7);
    },
  };
  const read = () => reader.read([aJob(account)], new Map());
  expect(await read()).toEqual([]);
  expect(await read()).toHaveLength(1);
  expect(await read()).toHaveLength(1);
  expect(asked).toBe(2);
});

test("a job that has just ended is left out, and others are not", async () => {
  using host = makeHost();
  const reader = new JobUsageReader(host.path, silentLogger);
  const gone = { ...aJob({ pid: () => Promise.resolve(undefined) }), submissionId: crypto.randomUUID() };
  expect((await reader.read([gone, aJob()], new Map())).map((one) => one.submission_id)).toEqual([ID]);
});
