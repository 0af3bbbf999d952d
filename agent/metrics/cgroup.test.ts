import { describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { type Cgroup, findCgroup, readCgroup } from "./cgroup.ts";

const ID = "4f5e6d7c8b9a";

const makeRoot = (files: Record<string, string>) => {
  const dir = tempDir();
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(dir.path, path)), { recursive: true });
    writeFileSync(join(dir.path, path), text);
  }
  return dir;
};

const V2 = "31 23 0:28 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";
const V1 = [
  "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755",
  "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw shared:9 - cgroup cgroup rw,cpu,cpuacct",
  "33 31 0:30 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory",
  "34 31 0:31 / /sys/fs/cgroup/blkio rw - cgroup cgroup rw,blkio",
  "35 31 0:32 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw",
  "",
].join("\n");

describe("findCgroup()", () => {
  const find = (mountinfo: string, memberships: string, container?: string): Cgroup | undefined => {
    using root = makeRoot({ "proc/self/mountinfo": mountinfo, "proc/7/cgroup": memberships });
    const found = findCgroup(root.path, { pid: 7, container });
    return found && JSON.parse(JSON.stringify(found).replaceAll(root.path, ""));
  };

  test.each([
    ["systemd's driver", `0::/system.slice/docker-${ID}.scope\n`, `system.slice/docker-${ID}.scope`],
    ["cgroupfs", `0::/docker/${ID}\n`, `docker/${ID}`],
    ["a group that the container made inside its own", `0::/docker/${ID}/init\n`, `docker/${ID}`],
    ["podman", `0::/user.slice/libpod-${ID}.scope/container\n`, `user.slice/libpod-${ID}.scope`],
  ])("version 2, %s", (_, memberships, path) => {
    expect(find(V2, memberships, ID)).toEqual({ version: 2, path: `/sys/fs/cgroup/${path}` });
  });

  test("version 1, where each controller has its own folder", () => {
    const memberships = `9:memory:/docker/${ID}\n4:cpu,cpuacct:/docker/${ID}\n3:blkio:/docker/${ID}\n0::/\n`;
    expect(find(V1, memberships, ID)).toEqual({
      version: 1,
      cpu: `/sys/fs/cgroup/cpu,cpuacct/docker/${ID}`,
      memory: `/sys/fs/cgroup/memory/docker/${ID}`,
      disk: `/sys/fs/cgroup/blkio/docker/${ID}`,
    });
  });

  test("a part of the hierarchy that is mounted by itself", () => {
    const mounted = V2.replace("0:28 / /sys", "0:28 /machine /sys");
    expect(find(mounted, `0::/machine/docker/${ID}\n`, ID)).toEqual({
      version: 2,
      path: `/sys/fs/cgroup/docker/${ID}`,
    });
  });

  test("none for a process that is not that container's, as with an engine on another machine", () => {
    expect(find(V2, "0::/system.slice/cron.service\n", ID)).toBeUndefined();
  });

  test("none above the part that this process sees", () => {
    expect(find(V2, `0::/../docker/${ID}\n`, ID)).toBeUndefined();
  });

  test("none for a process that is gone", () => {
    using root = makeRoot({ "proc/self/mountinfo": V2 });
    expect(findCgroup(root.path, { pid: 7 })).toBeUndefined();
  });
});

describe("readCgroup()", () => {
  test("version 2", () => {
    using root = makeRoot({
      "cpu.stat": "usage_usec 5000000\nuser_usec 1\n",
      "memory.current": "10000\n",
      "memory.stat": "anon 1\ninactive_file 4000\n",
      "io.stat": "8:0 rbytes=10 wbytes=20 rios=1 wios=1\n",
    });
    expect(readCgroup({ version: 2, path: root.path })).toEqual({
      cpuUs: 5_000_000,
      memoryBytes: 10_000,
      workingSetBytes: 6_000,
      disk: { read: 10, written: 20 },
    });
  });

  test("version 1", () => {
    using root = makeRoot({
      "cpu/cpuacct.usage": "5000000123\n",
      "memory/memory.usage_in_bytes": "10000\n",
      "memory/memory.stat": "inactive_file 1\ntotal_inactive_file 4000\n",
      "blkio/blkio.throttle.io_service_bytes": "8:0 Read 10\n8:0 Write 20\nTotal 30\n",
    });
    const [cpu, memory, disk] = ["cpu", "memory", "blkio"].map((name) => join(root.path, name));
    expect(readCgroup({ version: 1, cpu: cpu ?? "", memory: memory ?? "", disk })).toEqual({
      cpuUs: 5_000_000,
      memoryBytes: 10_000,
      workingSetBytes: 6_000,
      disk: { read: 10, written: 20 },
    });
  });

  test("a working set is never negative: the two files are not of one moment", () => {
    using root = makeRoot({
      "cpu.stat": "usage_usec 1\n",
      "memory.current": "3000\n",
      "memory.stat": "inactive_file 4000\n",
    });
    expect(readCgroup({ version: 2, path: root.path })).toMatchObject({
      workingSetBytes: 0,
      disk: undefined,
    });
  });

  test("nothing of a group that is gone", () => {
    using root = makeRoot({});
    expect(readCgroup({ version: 2, path: join(root.path, "gone") })).toBeUndefined();
  });
});
