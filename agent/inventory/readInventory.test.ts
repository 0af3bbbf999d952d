import { describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Inventory } from "../../shared/protocol/inventory.ts";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { FAKE_HOSTS } from "../testing/fakeHosts/all.ts";
import { writeFakeHost } from "../testing/fakeHosts/fakeHost.ts";
import { readInventory } from "./readInventory.ts";

const { signal } = new AbortController();
const GB10 = "GPU-5d1c0f3e-7a42-9b6e-c0de-4f8a1b2c3d4e";

/** A host in a folder: an NVIDIA driver, `nvidia-smi` as the script given, and no engine. */
const nvidiaHost = (script: string) => {
  const dir = tempDir();
  for (const folder of ["dev", "bin", "state", "proc/self"])
    mkdirSync(join(dir.path, folder), { recursive: true });
  writeFileSync(join(dir.path, "dev/nvidiactl"), "");
  writeFileSync(join(dir.path, "proc/meminfo"), "MemTotal:       127600748 kB\n");
  writeFileSync(join(dir.path, "proc/self/status"), "Cpus_allowed_list:\t0-19\n");
  writeFileSync(join(dir.path, "bin/nvidia-smi"), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  return {
    options: {
      stateDir: join(dir.path, "state"),
      root: dir.path,
      searchPath: join(dir.path, "bin"),
      dockerHost: `unix://${join(dir.path, "docker.sock")}`,
      signal,
    },
    [Symbol.dispose]: dir[Symbol.dispose],
  };
};

describe("readInventory()", () => {
  test("auto without an engine: the process runtime, the reason, and GPUs with the host's memory", async () => {
    using host = nvidiaHost(`echo "0, NVIDIA GB10, [N/A], ${GB10}, 580.126.09, 0000000F:01:00.0"`);
    const inventory = await readInventory({ ...host.options, runtime: "auto" });
    expect(Inventory.parse(inventory)).toMatchObject({
      runtime: "process",
      no_docker_reason: expect.stringContaining("Docker is not installed or not running"),
      cpus: 20,
      memory_mib: 124_610,
      gpus: [{ raw_name: "NVIDIA GB10", memory_mib: 124_610, unified_memory: true }],
    });
    expect(inventory.disk_mib).toBeGreaterThan(0);
  });

  test("docker without an engine is refused", async () => {
    using host = nvidiaHost("true");
    await expect(readInventory({ ...host.options, runtime: "docker" })).rejects.toThrow(
      /^Cannot use the docker runtime: Docker is not installed or not running/,
    );
  });

  test("docker: size and folder are the engine's", async () => {
    using host = nvidiaHost("true");
    const info = { ServerVersion: "28.2.2", DockerRootDir: "/", NCPU: 3, MemTotal: 2 * 1024 ** 3 };
    const server = Bun.serve({
      unix: host.options.dockerHost.replace("unix://", ""),
      fetch: () => Response.json(info),
    });
    const inventory = await readInventory({ ...host.options, runtime: "auto" });
    await server.stop(true);
    expect(inventory).toMatchObject({
      runtime: "docker",
      engine_version: "28.2.2",
      cpus: 3,
      memory_mib: 2048,
    });
    expect(inventory.no_docker_reason).toBeUndefined();
  });

  test("a broken driver costs the GPUs and is told, and not the host", async () => {
    using host = nvidiaHost("echo 'Failed to initialize NVML: Driver/library version mismatch'; exit 18");
    const inventory = await readInventory({ ...host.options, runtime: "process" });
    expect(inventory.gpus).toEqual([]);
    expect(inventory.gpu_failure).toContain(
      "ended with 18: Failed to initialize NVML: Driver/library version mismatch",
    );
  });

  test("a device that fails is held out", async () => {
    using dir = tempDir();
    const host = FAKE_HOSTS.find(({ name }) => name.startsWith("Gaudi 2"));
    if (!host) throw new Error("There is no such host");
    const { root, bin } = writeFakeHost(dir.path, host);
    const dockerHost = `unix://${join(dir.path, "docker.sock")}`;
    const options = {
      stateDir: dir.path,
      root,
      searchPath: bin,
      dockerHost,
      runtime: "auto",
      signal,
    } as const;
    expect(Inventory.parse(await readInventory(options))).toMatchObject({
      gpus: [{ id: "/dev/accel/accel1" }],
      held_out_gpus: [{ id: "/dev/accel/accel2", health: { status: "failure" } }],
    });
  });

  test("this machine", async () => {
    using dir = tempDir();
    Inventory.parse(await readInventory({ stateDir: dir.path, runtime: "auto", signal }));
  });
});
