/**
 * Each vendor's tools → the inventory → what Docker is asked for. The tools are fake, their answers samples
 * (agent/inventory/testdata); the agent, the coordinator and the command line are the compiled programs.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { HostConfig } from "dockerode";
import { FAKE_HOSTS } from "../../agent/testing/fakeHosts/all.ts";
import { writeFakeHost } from "../../agent/testing/fakeHosts/fakeHost.ts";
import { Inventory } from "../../shared/protocol/inventory.ts";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { startAgent } from "./harness/agent.ts";
import { type Coordinator, startCoordinator } from "./harness/coordinator.ts";
import { withDevicesOf } from "./harness/otherDevices.ts";
import { runOk } from "./harness/program.ts";
import { AGENT, cleanEnvironment } from "./harness/programs.ts";
import { startRecordingEngine } from "./harness/recordingEngine.ts";
import { describeWith } from "./harness/requirements.ts";

const node = (path: string) => ({ PathOnHost: path, PathInContainer: path, CgroupPermissions: "rwm" });
const uuid = (number: number) => `GPU-${number.toString(16).padStart(8, "0")}-7a42-9b6e-c0de-4f8a1b2c3d4e`;
const slice = (number: number) => `MIG-${number.toString(16).padStart(8, "0")}-42e4-5de3-91c7-45d71c87eb3f`;
const CAPABILITIES = ["gpu", "utility", "compute", "graphics", "video", "display", "compat32"];
const byRuntime = (...ids: string[]): HostConfig => ({
  DeviceRequests: [{ Driver: "", Count: 0, DeviceIDs: ids, Capabilities: [CAPABILITIES], Options: {} }],
});
const byCdi = (...ids: string[]): HostConfig => ({
  DeviceRequests: [
    {
      Driver: "cdi",
      Count: 0,
      DeviceIDs: ids.map((id) => `nvidia.com/gpu=${id}`),
      Capabilities: [],
      Options: {},
    },
  ],
});
const PINNED = [{ Name: "memlock", Soft: -1, Hard: -1 }];
const NO_NVIDIA = "NVIDIA_VISIBLE_DEVICES=void";
const AMD = { IpcMode: "host", CapAdd: ["SYS_PTRACE"], SecurityOpt: ["seccomp=unconfined"] };

interface Case {
  host: string;
  /** `resources.gpu` of the task. */
  gpu: unknown;
  /** What each container was asked for, one try after another. */
  asked: HostConfig[];
  env?: string[];
  engine?: string;
  refuse?: (host: HostConfig) => string;
  blocks?: string;
}

const noRuntime = ({ DeviceRequests }: HostConfig): string =>
  DeviceRequests?.[0]?.Driver === "cdi"
    ? "refused"
    : 'could not select device driver "" with capabilities: [[gpu utility compute]]';

const CASES: Case[] = [
  { host: "driver 390, two GPUs on one board, no NVLink", gpu: "2", asked: [byRuntime(uuid(1), uuid(2))] },
  {
    host: "driver 580, a real one, passed through to a virtual machine",
    gpu: "H100:80GB",
    asked: [byRuntime(uuid(0x580))],
  },
  { host: "GB10: the host's memory", gpu: "GB10:16GB..", asked: [byRuntime(uuid(0x6b10))] },
  {
    host: "driver 550: eight GPUs with NVLink on two NUMA nodes",
    gpu: "H100:2",
    blocks: "8",
    asked: [byRuntime(uuid(0x100), uuid(0x101))],
  },
  { host: "driver 580: the XML itself names slices", gpu: "2", asked: [byRuntime(slice(0x11), slice(0x12))] },
  {
    host: "driver 535: MIG on some GPUs; one of them without a slice",
    gpu: "A100-3g.40gb",
    blocks: "4",
    asked: [byRuntime(slice(1))],
  },
  // Three of seven are fit.
  {
    host: "GPUs that fail in many ways, and one to look at",
    gpu: "3",
    asked: [byRuntime(uuid(3), uuid(5), uuid(7))],
  },
  {
    host: "driver 590",
    gpu: "RTXPRO6000",
    engine: "Podman Engine",
    asked: [byCdi(uuid(0x590))],
    env: [NO_NVIDIA],
  },
  {
    host: "driver 515",
    gpu: "T4",
    refuse: noRuntime,
    asked: [byRuntime(uuid(0x515)), byCdi(uuid(0x515))],
    env: [NO_NVIDIA],
  },
  {
    host: "ROCm 6: two with xGMI",
    gpu: "MI300X:2",
    asked: [
      { Devices: [node("/dev/kfd"), node("/dev/dri/renderD128"), node("/dev/dri/renderD129")], ...AMD },
    ],
    env: [NO_NVIDIA],
  },
  {
    host: "no tool of AMD: what the kernel knows, errors too",
    gpu: "MI300X:1",
    blocks: "2",
    asked: [{ Devices: [node("/dev/kfd"), node("/dev/dri/renderD128")], ...AMD }],
  },
  {
    host: "ROCm 7 in a virtual machine: a VF, unknown to the topology",
    gpu: "MI300X",
    asked: [{ Devices: [node("/dev/kfd"), node("/dev/dri/renderD128")], ...AMD }],
  },
  {
    host: "Gaudi 2 beside a neural unit, one card in need of a reset",
    gpu: "gaudi2",
    asked: [{ Runtime: "habana", IpcMode: "host", CapAdd: ["SYS_NICE"], Ulimits: PINNED }],
    env: [NO_NVIDIA, "HABANA_VISIBLE_DEVICES=1"],
  },
  {
    host: "Gaudi 3",
    gpu: "gaudi3",
    refuse: ({ Runtime }) => (Runtime ? "unknown or invalid runtime name: habana" : "refused"),
    asked: [
      { Runtime: "habana" },
      {
        Devices: [node("/dev/accel/accel0"), node("/dev/accel/accel_controlD0")],
        IpcMode: "host",
        CapAdd: ["SYS_NICE"],
        Ulimits: PINNED,
      },
    ],
    env: ["HABANA_VISIBLE_DEVICES=0"],
  },
  {
    host: "n300: two chips a board; the kernel's numbers are not the tool's",
    gpu: "n300:24GB:2",
    asked: [{ Devices: [node("/dev/tenstorrent/0"), node("/dev/tenstorrent/1")], Ulimits: PINNED }],
    env: [NO_NVIDIA],
  },
  // All are listed, and given are those of the vendor that is asked for.
  { host: "two vendors in one host", gpu: "RTXPRO6000", asked: [byRuntime(uuid(0x590))] },
  {
    host: "two vendors in one host",
    gpu: "amd:2",
    asked: [
      { Devices: [node("/dev/kfd"), node("/dev/dri/renderD128"), node("/dev/dri/renderD129")], ...AMD },
    ],
    env: [NO_NVIDIA],
  },
  {
    host: "p150",
    gpu: "p150:1",
    blocks: "2",
    asked: [{ Devices: [node("/dev/tenstorrent/0")], Ulimits: PINNED }],
  },
];

describeWith(["programs", "root"], "vendor matrix", () => {
  const undo = new AsyncDisposableStack();
  let coordinator: Coordinator;
  let top: string;
  beforeAll(async () => {
    top = undo.use(tempDir()).path;
    coordinator = undo.use(await startCoordinator({ dir: join(top, "c") }));
  });
  afterAll(() => undo.disposeAsync());

  test.each(CASES.map((one, index) => [one.host, one.gpu, one, index] as const))(
    "%s: %p",
    async (name, _gpu, one, index) => {
      const host = FAKE_HOSTS.find((known) => known.name === name);
      if (!host) throw new Error(`There is no host "${name}"`);
      const dir = join(top, String(index));
      mkdirSync(dir);
      const { root, bin } = writeFakeHost(dir, host);
      await using engine = startRecordingEngine({
        socket: join(dir, "docker.sock"),
        ...(one.engine ? { name: one.engine } : {}),
        refuse: ({ HostConfig = {} }) => one.refuse?.(HostConfig) ?? "refused",
      });
      const within = withDevicesOf(root, join(dir, "mounts"));
      const env = { PATH: `${bin}:/usr/sbin:/usr/bin:/sbin:/bin` };

      // The inventory, as the agent alone has it.
      const printed = await runOk(
        [...within, AGENT, "inventory", "--state-dir", join(dir, "s"), "--runtime", "docker"],
        {
          env: { ...cleanEnvironment(dir), ...env, DOCKER_HOST: engine.address },
        },
      );
      const inventory = Inventory.parse(JSON.parse(printed));
      const memory = { memory_mib: inventory.memory_mib };
      expect(inventory.gpus).toMatchObject(
        host.gpus.map((gpu) => (gpu.unified_memory ? { ...gpu, ...memory } : gpu)) as object[],
      );
      expect((inventory.held_out_gpus ?? []).map(({ id }) => id)).toEqual(Object.keys(host.heldOut ?? {}));

      // The way of a job to the engine.
      const fleet = `fleet-${index}`;
      await using _agent = await startAgent({
        coordinator,
        dir: join(dir, "a"),
        runtime: "docker",
        name: fleet,
        fleet,
        engine: engine.address,
        gpus: { path: bin, wrap: within },
        ...(one.blocks ? { blocks: one.blocks } : {}),
      });
      const file = join(dir, "task.dstack.yml");
      const resources = { cpu: "1..", memory: "128MB..", disk: "1GB..", gpu: one.gpu };
      writeFileSync(
        file,
        JSON.stringify({
          type: "task",
          name: `job-${index}`,
          image: "busybox:1.36",
          commands: ["true"],
          resources,
        }),
      );
      await coordinator.client.dstackOk(["apply", "-y", "-d", "-f", file, "--fleet", fleet]);
      await coordinator.client.waitForEnd(`job-${index}`);
      expect(engine.created.map(({ HostConfig }) => HostConfig)).toMatchObject(one.asked as object[]);
      const last = engine.created.at(-1);
      for (const variable of one.env ?? []) expect(last?.Env).toContain(variable);
      // Exactly these: nothing of another vendor, and no more devices.
      const asked = one.asked.at(-1) ?? {};
      for (const key of ["DeviceRequests", "Devices", "Runtime"] as const)
        if (!asked[key]) expect(last?.HostConfig?.[key] ?? null).toBeNull();
    },
    60_000,
  );
});
