import { describe, expect, test } from "bun:test";
import type { Assignment } from "../../../shared/protocol/assignment.ts";
import { containerName, containerSpec } from "./containerSpec.ts";
import { allFeatures, type Features } from "./features.ts";
import { readDockerSettings } from "./settings.ts";

const assignment = (changes: Partial<Assignment> = {}): Assignment => ({
  submission_id: "11111111-1111-4111-8111-111111111111",
  run_id: "22222222-2222-4222-8222-222222222222",
  run_name: "train",
  project_name: "main",
  job_name: "train-0-0",
  job_num: 0,
  replica_num: 0,
  runtime: "docker",
  argv: ["/bin/sh", "-i", "-c", "nvidia-smi"],
  env: { A: "1", HOME: "/elsewhere" },
  image: "ubuntu:24.04",
  privileged: false,
  network_mode: "bridge",
  gpu_ids: [],
  mounts: [],
  archives: [],
  claim_lease_ms: 1_000,
  ...changes,
});
const OPTIONS = {
  workingDir: "/work",
  mounts: [],
  settings: readDockerSettings({}),
  features: allFeatures(),
};
const settingsOf = (env: Record<string, string>) => ({ ...OPTIONS, settings: readDockerSettings(env) });
const without = (...names: (keyof Features)[]) => ({
  ...OPTIONS,
  features: { ...allFeatures(), ...Object.fromEntries(names.map((name) => [name, false])) },
});
const GPUS = ["GPU-5d1c0f3e-7a42-9b6e-c0de-4f8a1b2c3d4e"];

describe("containerSpec()", () => {
  test("a plain job: its command, a terminal, no limits, no GPUs of the host", () => {
    const { HostConfig, ...spec } = containerSpec(assignment(), {
      ...settingsOf({ DSTACK_DOCKER_PASS_ENV: "http_proxy,A", http_proxy: "p", A: "0" }),
    });
    expect(spec).toMatchObject({
      name: "train-0-0-11111111-1111-4111-8111-111111111111",
      Image: "ubuntu:24.04",
      Entrypoint: ["/bin/sh", "-i", "-c", "nvidia-smi"],
      Cmd: [],
      Tty: true,
      OpenStdin: true,
      WorkingDir: "/work",
      Labels: { "dstack.submission-id": "11111111-1111-4111-8111-111111111111" },
    });
    expect(spec.Env?.toSorted()).toEqual([
      "A=1",
      "DSTACK_WORKING_DIR=/work",
      "NVIDIA_VISIBLE_DEVICES=void",
      "http_proxy=p",
    ]);
    expect(spec).not.toHaveProperty("User");
    expect(HostConfig).toMatchObject({ Init: true, NetworkMode: "bridge", Privileged: false, Mounts: [] });
    for (const absent of [
      "NanoCpus",
      "Memory",
      "ShmSize",
      "DeviceRequests",
      "Tmpfs",
      "ReadonlyRootfs",
      "StorageOpt",
    ])
      expect(HostConfig).not.toHaveProperty(absent);
  });

  test("limits, shared memory, user, mounts", () => {
    const mounts = [{ source: "/data:1", target: "/data" }];
    const changes = { cpus: 1.5, memory_mib: 512, shm_size_mib: 64, user: "worker:video" };
    const { HostConfig, User } = containerSpec(assignment(changes), { ...OPTIONS, mounts });
    expect(User).toBe("worker:video");
    expect(HostConfig).toMatchObject({
      NanoCpus: 1_500_000_000,
      Memory: 536_870_912,
      ShmSize: 67_108_864,
      Tmpfs: { "/dev/shm": "exec,size=67108864" },
      Mounts: [{ Type: "bind", Source: "/data:1", Target: "/data" }],
    });
  });

  test("what the operator sets: nothing to write but memory, a disk quota, limits", () => {
    const settings = settingsOf({
      DSTACK_AGENT_READ_ONLY: "1",
      DSTACK_AGENT_JOB_DISK_GIB: "20",
      DSTACK_AGENT_ULIMITS: "nofile=1024:4096",
    });
    expect(
      containerSpec(assignment({ shm_size_mib: 1, privileged: true }), settings).HostConfig,
    ).toMatchObject({
      ReadonlyRootfs: true,
      Tmpfs: { "/dev/shm": "exec,size=1048576", "/tmp": "exec,mode=1777", "/run": "exec,mode=755" },
      StorageOpt: { size: "20G" },
      Ulimits: [
        { Name: "nofile", Soft: 1024, Hard: 4096 },
        { Name: "memlock", Soft: -1, Hard: -1 },
      ],
    });
  });

  test("what an engine lacks is not asked for", () => {
    const lacking = without("init", "localLog", "cpuLimit", "ulimits", "diskQuota");
    const { settings } = settingsOf({ DSTACK_AGENT_JOB_DISK_GIB: "20", DSTACK_AGENT_ULIMITS: "core=0" });
    const { HostConfig } = containerSpec(assignment({ cpus: 2, memory_mib: 8 }), { ...lacking, settings });
    for (const absent of ["Init", "LogConfig", "NanoCpus", "Ulimits", "StorageOpt"])
      expect(HostConfig).not.toHaveProperty(absent);
    expect(HostConfig?.Memory).toBe(8 * 1024 ** 2);
  });

  test("the image's own command runs as process 1, without an init of ours", () => {
    const spec = containerSpec(assignment({ argv: [] }), OPTIONS);
    expect(spec).not.toHaveProperty("Entrypoint");
    expect(spec.HostConfig).not.toHaveProperty("Init");
  });

  test("NVIDIA GPUs by UUID, with display only where it is there", () => {
    const spec = (display: boolean) =>
      containerSpec(assignment({ gpu_ids: GPUS }), display ? OPTIONS : without("display"));
    const capabilities = ["gpu", "utility", "compute", "graphics", "video", "compat32"];
    expect(spec(false).HostConfig?.DeviceRequests).toMatchObject([
      { DeviceIDs: GPUS, Capabilities: [capabilities] },
    ]);
    expect(spec(true).HostConfig?.DeviceRequests?.[0]?.Capabilities?.[0]).toContain("display");
    expect(spec(true).Env?.join()).not.toContain("NVIDIA_VISIBLE_DEVICES");
  });

  test("AMD GPUs by render node", () => {
    const { HostConfig } = containerSpec(assignment({ gpu_ids: ["/dev/dri/renderD128"] }), OPTIONS);
    expect(HostConfig).toMatchObject({
      IpcMode: "host",
      CapAdd: ["SYS_PTRACE"],
      SecurityOpt: ["seccomp=unconfined"],
    });
    expect(HostConfig?.Devices?.slice(0, 2)).toEqual([
      { PathOnHost: "/dev/kfd", PathInContainer: "/dev/kfd", CgroupPermissions: "rwm" },
      { PathOnHost: "/dev/dri/renderD128", PathInContainer: "/dev/dri/renderD128", CgroupPermissions: "rwm" },
    ]);
  });
});

test("containerName() is one that engines take", () => {
  expect(containerName(assignment({ job_name: "a b/c" }))).toStartWith("a-b-c-1111");
});
