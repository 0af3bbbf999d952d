import { describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { silentLogger } from "../../../shared/log.ts";
import { tempDir } from "../../../shared/testing/tempDir.ts";
import { openCgroups, removeCgroups } from "./cgroups.ts";
import { countOomKills, killCgroups, processesIn } from "./jobCgroup.ts";

const V2 = "30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n";
const V1 = [
  "31 23 0:27 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct",
  "32 23 0:28 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory",
  "33 23 0:29 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n",
].join("\n");

/** A host's files as the kernel has them (cgroups(7)), though no kernel is behind them; `files`: with their content. */
const aHost = (files: Record<string, string>) => {
  const dir = tempDir();
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(dir.path, path)), { recursive: true });
    writeFileSync(join(dir.path, path), content);
  }
  const read = (path: string) => readFileSync(join(dir.path, path), "utf8");
  return { ...dir, root: dir.path, read, [Symbol.dispose]: dir[Symbol.dispose] };
};
const SERVICE = "sys/fs/cgroup/system.slice/dstack-agent.service";

describe("openCgroups()", () => {
  test("version 2: beside the agent's own group, with the controllers it can get", () => {
    using host = aHost({
      "proc/self/cgroup": "0::/system.slice/dstack-agent.service\n",
      "proc/self/mountinfo": V2,
      "proc/sys/kernel/pid_max": "1000\n",
      "sys/fs/cgroup/cgroup.procs": "",
      "sys/fs/cgroup/cgroup.subtree_control": "cpu memory pids",
      [`${SERVICE}/cgroup.procs`]: "",
      [`${SERVICE}/memory.max`]: "1000000\n",
      [`${SERVICE}/cpu.max`]: "max 100000\n",
      "sys/fs/cgroup/system.slice/memory.max": "2000000\n",
      "sys/fs/cgroup/system.slice/cpu.max": "50000 100000\n",
      "sys/fs/cgroup/dstack-jobs/cgroup.subtree_control": "cpu memory pids",
    });
    const cgroups = openCgroups({ root: host.root, log: silentLogger });
    const [folder, ...others] = cgroups.create("job", { cpus: 1.5, memoryMib: 64 });
    expect([folder, ...others]).toEqual([join(host.root, "sys/fs/cgroup/dstack-jobs/job")]);
    expect(host.read("sys/fs/cgroup/dstack-jobs/job/cpu.max")).toBe("150000 100000");
    expect(host.read("sys/fs/cgroup/dstack-jobs/job/memory.max")).toBe(String(64 * 1024 ** 2));
    expect(host.read("sys/fs/cgroup/dstack-jobs/job/pids.max")).toBe("750");
    expect(cgroups.find("job")).toEqual([folder ?? ""]);
    // What an administrator has given the agent's service holds for its jobs together.
    expect(host.read("sys/fs/cgroup/dstack-jobs/memory.max")).toBe("1000000");
    expect(host.read("sys/fs/cgroup/dstack-jobs/cpu.max")).toBe("50000 100000");
    expect(cgroups.find("other")).toEqual([]);
  });

  test("version 1 and hybrid: a group per controller, below the agent's own", () => {
    using host = aHost({
      "proc/self/cgroup": "4:memory:/box\n1:cpu,cpuacct:/box\n0::/\n",
      "proc/self/mountinfo": V1,
      "sys/fs/cgroup/cpu,cpuacct/box/cgroup.procs": "",
      "sys/fs/cgroup/memory/box/cgroup.procs": "",
      "sys/fs/cgroup/unified/cgroup.procs": "",
      "sys/fs/cgroup/unified/cgroup.subtree_control": "",
    });
    const cgroups = openCgroups({ root: host.root, log: silentLogger });
    const folders = cgroups.create("job", { cpus: 2, memoryMib: 64 });
    expect(folders.map((folder) => folder.slice(host.root.length))).toEqual([
      "/sys/fs/cgroup/cpu,cpuacct/box/dstack-jobs/job",
      "/sys/fs/cgroup/memory/box/dstack-jobs/job",
      "/sys/fs/cgroup/unified/dstack-jobs/job",
    ]);
    expect(host.read("sys/fs/cgroup/cpu,cpuacct/box/dstack-jobs/job/cpu.cfs_quota_us")).toBe("200000");
    expect(host.read("sys/fs/cgroup/memory/box/dstack-jobs/job/memory.limit_in_bytes")).toBe("67108864");
  });

  test("a host without any, and one that lets the agent have none: jobs go without", () => {
    using host = aHost({ "proc/self/cgroup": "0::/..\n", "proc/self/mountinfo": V2 });
    expect(openCgroups({ root: host.root, log: silentLogger }).create("job", { cpus: 1 })).toEqual([]);
    expect(openCgroups({ root: "/nowhere", log: silentLogger }).find("job")).toEqual([]);
  });
});

describe("a job's group", () => {
  test("its processes, those of groups below too, and what the kernel killed", () => {
    using host = aHost({
      "job/cgroup.procs": "10\n11\n",
      "job/below/deeper/cgroup.procs": "12\n",
      "job/memory.events": "low 0\noom 3\noom_kill 2\noom_group_kill 0\n",
      "first/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n",
    });
    const folders = [join(host.root, "job"), join(host.root, "first"), join(host.root, "nothere")];
    expect(processesIn(folders)).toEqual([10, 11, 12]);
    expect(countOomKills(folders)).toBe(3);
  });

  test("kill writes only where the kernel has such a file", () => {
    using host = aHost({ "new/cgroup.kill": "", "old/cgroup.procs": "" });
    killCgroups(["new", "old", "nothere"].map((name) => join(host.root, name)));
    expect(host.read("new/cgroup.kill")).toBe("1");
    expect(existsSync(join(host.root, "old/cgroup.kill"))).toBe(false);
  });

  test("removal takes what the job has made below, and twice is no error", () => {
    using host = aHost({});
    const job = join(host.root, "job");
    mkdirSync(join(job, "below/deeper"), { recursive: true });
    removeCgroups([job]);
    removeCgroups([job]);
    expect(existsSync(job)).toBe(false);
  });
});
