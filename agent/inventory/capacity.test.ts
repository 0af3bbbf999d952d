import { describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { affinity, readCapacity } from "./capacity.ts";

/** A root with a machine of eight CPUs and 16 GiB, and further files. */
const machine = (files: Record<string, string>) => {
  const dir = tempDir();
  const all = {
    "proc/meminfo": "MemTotal:       16777216 kB\nMemFree:         1234 kB\n",
    "proc/self/status": "Name:\tagent\nCpus_allowed_list:\t0-7\n",
    ...files,
  };
  for (const [path, text] of Object.entries(all)) {
    mkdirSync(dirname(join(dir.path, path)), { recursive: true });
    writeFileSync(join(dir.path, path), text);
  }
  return dir;
};

const V2 = {
  "proc/self/cgroup": "0::/system.slice/dstack-agent.service\n",
  "sys/fs/cgroup/system.slice/dstack-agent.service/cpu.max": "150000 100000\n",
  "sys/fs/cgroup/system.slice/dstack-agent.service/memory.max": "max\n",
  "sys/fs/cgroup/system.slice/cpu.max": "max 100000\n",
  "sys/fs/cgroup/system.slice/memory.max": "2147483648\n",
};
const WHOLE = { cpus: 8, memory_mib: 16384 };
const engine = { cpus: 8, memoryBytes: 16 * 1024 ** 3 };

describe("readCapacity()", () => {
  test("is the whole machine without limits", () => {
    using root = machine({});
    expect(readCapacity({ root: root.path })).toEqual(WHOLE);
  });

  test("honours affinity", () => {
    using root = machine({ "proc/self/status": "Cpus_allowed_list:\t0-1,4\n" });
    expect(readCapacity({ root: root.path }).cpus).toBe(3);
  });

  test("honours every cgroup above the agent (version 2)", () => {
    using root = machine(V2);
    expect(readCapacity({ root: root.path })).toEqual({ cpus: 1, memory_mib: 2048 });
  });

  test("honours every cgroup above the agent (version 1)", () => {
    using root = machine({
      "proc/self/cgroup": "4:memory:/batch/job7\n7:cpu,cpuacct:/batch\n0::/\n",
      "sys/fs/cgroup/memory/batch/job7/memory.limit_in_bytes": "9223372036854771712\n",
      "sys/fs/cgroup/memory/batch/memory.limit_in_bytes": "1073741824\n",
      "sys/fs/cgroup/cpu/batch/cpu.cfs_quota_us": "400000\n",
      "sys/fs/cgroup/cpu/batch/cpu.cfs_period_us": "100000\n",
      "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
      "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
    });
    expect(readCapacity({ root: root.path })).toEqual({ cpus: 4, memory_mib: 1024 });
  });

  test("limits on the agent's own service are not limits on containers", () => {
    using root = machine(V2);
    expect(readCapacity({ root: root.path, engine })).toEqual(WHOLE);
  });

  test("limits of the container in which agent and engine run are limits on containers", () => {
    using root = machine({
      "proc/self/cgroup": "0::/\n",
      "sys/fs/cgroup/cpu.max": "200000 100000\n",
      "sys/fs/cgroup/memory.max": "4294967296\n",
    });
    expect(readCapacity({ root: root.path, engine })).toEqual({ cpus: 2, memory_mib: 4096 });
  });

  test("works on the machine that runs this test", () => {
    const { cpus, memory_mib } = readCapacity({ root: "/" });
    expect(cpus).toBeGreaterThan(0);
    expect(memory_mib).toBeGreaterThan(1);
  });
});

test.each([
  ["Cpus_allowed_list:\t0\n", 1],
  ["Cpus_allowed_list:\t0-3,8,10-11\n", 7],
  ["Cpus_allowed_list:\t-\n", Number.POSITIVE_INFINITY],
  ["", Number.POSITIVE_INFINITY],
])("affinity(%p) is %p", (status, cpus) => expect(affinity(status)).toBe(cpus));
