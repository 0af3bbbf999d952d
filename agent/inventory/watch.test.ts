import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { silentLogger } from "../../shared/log.ts";
import type { Inventory } from "../../shared/protocol/inventory.ts";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { FAKE_HOSTS } from "../testing/fakeHosts/all.ts";
import { writeFakeHost } from "../testing/fakeHosts/fakeHost.ts";
import { glance } from "./glance.ts";
import { readInventory } from "./readInventory.ts";
import { InventoryWatch } from "./watch.ts";

/** A host in a folder, watched; the steady clock is the test's. */
const watchHost = async (dir: string) => {
  const { root, bin } = writeFakeHost(dir, {
    files: { "proc/meminfo": "MemTotal: 1048576 kB\n" },
    tools: {},
  });
  const dockerHost = `unix://${join(dir, "docker.sock")}`;
  const stop = new AbortController();
  let [steady, reads] = [0, 0];
  const changes: Inventory[] = [];
  const read = async (signal: AbortSignal) => {
    const options = { stateDir: dir, root, searchPath: bin, dockerHost, runtime: "auto", signal } as const;
    const inventory = await readInventory(options);
    reads++;
    return inventory;
  };
  const watch = new InventoryWatch({
    first: await read(stop.signal),
    read,
    glance: () => glance({ root, dockerHost, searchPath: bin }),
    clock: { steady: () => steady },
    log: silentLogger,
    onChange: (inventory) => changes.push(inventory),
    glanceMs: 1,
  });
  const running = watch.run(stop.signal);
  return {
    watch,
    changes,
    reads: () => reads,
    pass: (ms: number) => {
      steady += ms;
    },
    /** Another reading is over. */
    nextRead: async (cause: () => void) => {
      const before = reads;
      cause();
      await waitFor("a reading", () => reads > before);
    },
    put: (name: string) => {
      const host = FAKE_HOSTS.find((one) => one.name === name);
      if (!host) throw new Error(`There is no host "${name}"`);
      writeFakeHost(dir, host);
    },
    write: (path: string, text: string) => writeFileSync(join(dir, path), text),
    [Symbol.asyncDispose]: async () => {
      stop.abort();
      await running;
    },
  };
};

test("a driver that is installed later shows up by itself", async () => {
  using dir = tempDir();
  await using host = await watchHost(dir.path);
  expect(host.watch.current.gpus).toEqual([]);
  host.put("driver 515");
  await waitFor("the GPU", () => host.watch.current.gpus.length === 1);
  expect(host.changes.at(-1)).toBe(host.watch.current);
  expect(host.watch.current.gpus[0]?.raw_name).toBe("Tesla T4");
});

test("a device that vanishes is held out, with its reason, and counts among the devices", async () => {
  using dir = tempDir();
  await using host = await watchHost(dir.path);
  host.put("driver 390, two GPUs on one board, no NVLink");
  await waitFor("two GPUs", () => host.watch.current.gpus.length === 2);
  const [kept] = host.watch.current.gpus;
  const sample = await Bun.file(join(dir.path, "bin/answers/nvidia-smi-0")).text();
  const second = sample.lastIndexOf("<gpu ");
  host.write(
    "bin/answers/nvidia-smi-0",
    sample.slice(0, second) + sample.slice(sample.lastIndexOf("</nvidia_smi_log>")),
  );
  host.pass(60_000);
  await waitFor("one GPU", () => host.watch.current.gpus.length === 1);
  expect(host.watch.current.gpus[0]).toEqual(kept);
  expect(host.watch.current.held_out_gpus).toMatchObject([
    { health: { status: "failure", reason: "It has vanished" } },
  ]);
  expect(host.watch.devices).toHaveLength(2);
  // An administrator who has taken it out says so.
  host.watch.force();
  await waitFor("it to be forgotten", () => host.watch.devices.length === 1);
});

test("an engine that is started later shows up by itself", async () => {
  using dir = tempDir();
  await using host = await watchHost(dir.path);
  expect(host.watch.current.runtime).toBe("process");
  const info = { ServerVersion: "28.2.2", DockerRootDir: "/", NCPU: 3, MemTotal: 2 * 1024 ** 3 };
  const server = Bun.serve({ unix: join(dir.path, "docker.sock"), fetch: () => Response.json(info) });
  await waitFor("the engine", () => host.watch.current.runtime === "docker");
  expect(host.watch.current).toMatchObject({ engine_version: "28.2.2", cpus: 3 });
  await server.stop(true);
});

test("a request is granted soon, and not more often than that; without one a minute passes", async () => {
  using dir = tempDir();
  await using host = await watchHost(dir.path);
  await host.nextRead(() => host.pass(60_000));
  host.watch.request();
  host.pass(9_999);
  const before = host.reads();
  await host.nextRead(() => host.pass(1));
  expect(host.reads()).toBe(before + 1);
  await host.nextRead(() => host.watch.force());
});

test("a reading that fails changes nothing", async () => {
  const stop = new AbortController();
  const first = { cpus: 1 } as Inventory;
  const failed = Promise.withResolvers<void>();
  const watch = new InventoryWatch({
    first,
    read: () => Promise.reject(new Error("no engine")),
    glance: () => "",
    clock: { steady: () => 0 },
    log: { ...silentLogger, warn: () => failed.resolve() },
    onChange: () => failed.reject(new Error("It has changed")),
    glanceMs: 1,
  });
  const running = watch.run(stop.signal);
  watch.force();
  await failed.promise;
  expect(watch.current).toBe(first);
  stop.abort();
  await running;
});
