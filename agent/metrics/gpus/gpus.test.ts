import { describe, expect, test } from "bun:test";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import fc from "fast-check";
import type { GpuDevice } from "../../../shared/protocol/inventory.ts";
import { GpuUsage } from "../../../shared/protocol/metrics.ts";
import { tempDir } from "../../../shared/testing/tempDir.ts";
import { readAmdSysfs } from "./amdSysfs.ts";
import { parseAmdMonitor, parseRocmUsage } from "./amdTools.ts";
import { parseGaudiUsage } from "./gaudi.ts";
import { parseNvidiaUsage } from "./nvidia.ts";
import { parseSliceUsage } from "./nvidiaSlices.ts";
import { readGpuUsage } from "./readGpus.ts";
import { readTenstorrent } from "./tenstorrent.ts";

const MIB = 1024 ** 2;
const [A, B] = ["GPU-5d1c0f3e-7a42-9b6e-c0de-4f8a1b2c3d4e", "GPU-a81f22c4-11d0-63ef-90ab-7c6d5e4f3a2b"];

describe("parseNvidiaUsage()", () => {
  // The format is that of nvidia-smi(1), `--query-gpu`; values of an H100.
  test("a line per GPU", () => {
    const found = parseNvidiaUsage(`${A}, 98, 71233, 81559, 61, 512.33\n${B}, 0, 4, 81559, 31, 70.12\n`);
    expect(found.get(A ?? "")).toEqual({
      utilization: 98,
      memory_bytes: 71_233 * MIB,
      memory_total_bytes: 81_559 * MIB,
      temperature: 61,
      power: 512.33,
    });
    expect(found.get(B ?? "")).toMatchObject({ utilization: 0, power: 70.12 });
  });

  test.each([
    [`${A}, [N/A], 71233, 81559, 61, 512.33`, "utilization"],
    [`${A}, 98, [N/A], 81559, 61, 512.33`, "memory_bytes"],
    [`${A}, 98, 71233, [Not Supported], 61, 512.33`, "memory_total_bytes"],
    [`${A}, 98, 71233, 81559, ERR!, 512.33`, "temperature"],
    [`${A}, 98, 71233, 81559, 61, [Unknown Error]`, "power"],
    [`${A}, 198, 71233, 81559, 61, 512.33`, "utilization"],
  ])("%p loses only its %s", (line, lost) => {
    const usage = parseNvidiaUsage(line).get(A ?? "");
    expect(Object.keys(usage ?? {})).toHaveLength(4);
    expect(usage).not.toHaveProperty(lost);
  });

  test("complaints are passed over", () => {
    const text = `Unable to determine the device handle for GPU 0000:1B:00.0: Unknown Error\n${B}, 5, 4, 81559, 31, 70\n`;
    expect([...parseNvidiaUsage(text).keys()]).toEqual([B ?? ""]);
  });
});

describe("AMD", () => {
  test("parseAmdMonitor() goes by the names of the columns, whatever their order", () => {
    const first =
      "gpu,gfx_clk,gfx,vram_used,vram_free,vram_total,vram_percent\n0,2098,96,171204,25388,196592,87.1\n";
    expect(parseAmdMonitor(first).get(0)).toEqual({
      utilization: 96,
      memory_bytes: 171_204 * MIB,
      memory_total_bytes: 196_592 * MIB,
    });
    const later =
      "gpu,power_usage,hotspot_temperature,memory_temperature,gfx,vram_used,vram_total\n1,755 W,61 °C,45 °C,12 %,283 MB,196592 MB\n";
    expect(parseAmdMonitor(later).get(1)).toEqual({
      utilization: 12,
      memory_bytes: 283 * MIB,
      memory_total_bytes: 196_592 * MIB,
      temperature: 61,
      power: 755,
    });
  });

  test("parseAmdMonitor(): one N/A is one value less", () => {
    const text = "gpu,gfx,vram_used\n0,N/A,171204\n1,5,10\n";
    expect([...parseAmdMonitor(text).values()]).toEqual([
      { memory_bytes: 171_204 * MIB },
      { utilization: 5, memory_bytes: 10 * MIB },
    ]);
  });

  test("parseRocmUsage()", () => {
    const card = {
      "GPU use (%)": "35",
      "VRAM Total Memory (B)": "68702699520",
      "VRAM Total Used Memory (B)": "10916081664",
      "Temperature (Sensor edge) (C)": "36.0",
      "Average Graphics Package Power (W)": "91.0",
    };
    expect(parseRocmUsage(JSON.stringify({ card1: card, system: {} })).get(1)).toEqual({
      utilization: 35,
      memory_bytes: 10_916_081_664,
      memory_total_bytes: 68_702_699_520,
      temperature: 36,
      power: 91,
    });
  });

  const sysfs = (files: Record<string, string>) => {
    const dir = tempDir();
    for (const [name, text] of Object.entries(files)) {
      const path = join(dir.path, "sys/class/drm/renderD128/device", name);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, text);
    }
    return dir;
  };

  test("readAmdSysfs() reads what the driver tells, its sensors too", () => {
    using root = sysfs({
      gpu_busy_percent: "42\n",
      mem_info_vram_used: "1073741824\n",
      mem_info_vram_total: "68702699520\n",
      "hwmon/hwmon3/temp1_input": "61000\n",
      "hwmon/hwmon3/power1_average": "91000000\n",
    });
    expect(readAmdSysfs(root.path, "/dev/dri/renderD128")).toEqual({
      utilization: 42,
      memory_bytes: 1_073_741_824,
      memory_total_bytes: 68_702_699_520,
      temperature: 61,
      power: 91,
    });
  });

  test("readAmdSysfs() has nothing where the driver does not tell how busy it is", () => {
    using root = sysfs({ mem_info_vram_used: "1\n" });
    expect(readAmdSysfs(root.path, "/dev/dri/renderD128")).toBeUndefined();
  });
});

test("parseGaudiUsage()", () => {
  expect(parseGaudiUsage("0, 12, 768, 98304, 28, 85\n1, N/A, 768, 98304, 29, 86\n").get(0)).toEqual({
    utilization: 12,
    memory_bytes: 768 * MIB,
    memory_total_bytes: 98_304 * MIB,
    temperature: 28,
    power: 85,
  });
});

test("whatever a tool prints, what is read of it can be sent", () => {
  const word = fc.oneof(
    fc.string(),
    fc.constantFrom(
      "gpu",
      "gfx",
      A ?? "",
      "98",
      "-1",
      "1e9",
      "N/A",
      "[N/A]",
      "999999999999999",
      "0",
      "card0",
    ),
  );
  const text = fc.array(fc.array(word).map((words) => words.join(", "))).map((lines) => lines.join("\n"));
  const json = fc.oneof(
    fc.json(),
    fc
      .dictionary(
        fc.constantFrom("card0", "card1"),
        fc.dictionary(fc.constantFrom("GPU use (%)"), fc.anything()),
      )
      .map((value) => JSON.stringify(value, (_, each) => (typeof each === "bigint" ? String(each) : each))),
  );
  const sendable = (usages: ReadonlyMap<unknown, unknown>) => {
    for (const usage of usages.values()) GpuUsage.parse(usage);
  };
  fc.assert(
    fc.property(text, (printed) => {
      for (const parse of [parseNvidiaUsage, parseAmdMonitor, parseGaudiUsage, parseRocmUsage])
        sendable(parse(printed));
    }),
  );
  fc.assert(fc.property(json, (printed) => sendable(parseRocmUsage(printed))));
});

describe("parseSliceUsage()", () => {
  const slice = (id: string, parent_id: string, index: number): GpuDevice => ({
    ...{ vendor: "nvidia", raw_name: "NVIDIA A100 MIG 1g", memory_mib: 1 },
    ...{ id, parent_id, index },
  });
  const xml = (name: string) =>
    readFileSync(join(import.meta.dir, "../../inventory/testdata/nvidia", name), "utf8");

  test("of slices that the log names", () => {
    const mig = (number: number) => `MIG-000000${number}-42e4-5de3-91c7-45d71c87eb3f`;
    const parent = "GPU-000000b6-7a42-9b6e-c0de-4f8a1b2c3d4e";
    const slices = [slice(mig(12), parent, 1), slice(mig(11), parent, 0)];
    const found = parseSliceUsage(xml("580-rtxpro6000-mig.xml"), slices);
    expect([...found.keys()]).toEqual([mig(11), mig(12)]);
    expect(found.get(mig(11))).toMatchObject({ memory_bytes: 12 * MIB, memory_total_bytes: 24_192 * MIB });
    expect(found.get(mig(11))?.utilization).toBeUndefined();
  });

  test("of slices that it only counts, in the order in which they were listed", () => {
    const parent = "GPU-000000a1-7a42-9b6e-c0de-4f8a1b2c3d4e";
    const slices = ["c", "b", "a"].map((id, at) => slice(`MIG-${id}`, parent, 2 - at));
    const found = parseSliceUsage(xml("535-a100-mig.xml"), slices);
    expect([...found].map(([id, { memory_total_bytes }]) => [id, (memory_total_bytes ?? 0) / MIB])).toEqual([
      ["MIG-a", 40_192],
      ["MIG-b", 19_968],
      ["MIG-c", 9_728],
    ]);
    expect(found.get("MIG-a")?.temperature).toBeGreaterThan(0);
    expect(parseSliceUsage("no log", slices)).toEqual(new Map());
  });
});

test("readTenstorrent() reads what the driver tells of a board", () => {
  using dir = tempDir();
  const sensors = join(dir.path, "sys/class/tenstorrent/tenstorrent!1/device/hwmon/hwmon4");
  mkdirSync(sensors, { recursive: true });
  writeFileSync(join(sensors, "temp1_input"), "48125\n");
  writeFileSync(join(sensors, "power1_input"), "71000000\n");
  expect(readTenstorrent(dir.path, "/dev/tenstorrent/1")).toEqual({ temperature: 48.1, power: 71 });
  expect(readTenstorrent(dir.path, "/dev/tenstorrent/0")).toBeUndefined();
});

describe("readGpuUsage()", () => {
  const tools = (scripts: Record<string, string>) => {
    const dir = tempDir();
    for (const [name, script] of Object.entries(scripts))
      writeFileSync(join(dir.path, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    return dir;
  };
  const device = (vendor: GpuDevice["vendor"], id: string, index: number): GpuDevice => ({
    vendor,
    id,
    index,
    raw_name: "x",
    memory_mib: 1,
  });
  const read = (devices: GpuDevice[], dir: string) =>
    readGpuUsage(devices, { root: dir, searchPath: dir, signal: new AbortController().signal });

  test("asks one tool once for all devices of its vendor, and maps what it says to their ids", async () => {
    using dir = tools({
      "nvidia-smi": `echo x >> "$(dirname "$0")/asked"; echo "${A}, 98, 1, 2, 3, 4"; echo "${B}, 7, 1, 2, 3, 4"`,
      "hl-smi": 'echo "0, 12, 768, 98304, 28, 85"; echo "1, 13, 768, 98304, 28, 85"',
    });
    const devices = [
      device("nvidia", B ?? "", 1),
      device("nvidia", A ?? "", 0),
      device("intel", "1", 1),
      device("tenstorrent", "/dev/tenstorrent/0", 0),
    ];
    const found = await read(devices, dir.path);
    expect([...found].map(([id, { utilization }]) => [id, utilization ?? null])).toEqual([
      [A ?? "", 98],
      [B ?? "", 7],
      ["1", 13],
    ]);
    expect(await Bun.file(join(dir.path, "asked")).text()).toBe("x\n");
  });

  test("asks AMD's tools where the driver itself does not tell", async () => {
    using dir = tools({
      "amd-smi": "exit 1",
      "rocm-smi": `echo '{"card0": {"GPU use (%)": "35"}}'`,
    });
    expect(await read([device("amd", "/dev/dri/renderD128", 0)], dir.path)).toEqual(
      new Map([["/dev/dri/renderD128", { utilization: 35 }]]),
    );
  });

  test("starts nothing on a host without GPUs", async () => {
    using dir = tools({ "nvidia-smi": 'touch "$(dirname "$0")/asked"' });
    expect(await read([], dir.path)).toEqual(new Map());
    expect(await Bun.file(join(dir.path, "asked")).exists()).toBe(false);
  });
});
