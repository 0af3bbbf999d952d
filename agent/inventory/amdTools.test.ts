import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { GpuDevice } from "../../shared/protocol/inventory.ts";
import { parseAmdSmi, parseRocmSmi } from "./amdTools.ts";

/*
 * Formats: docs/spec/agent.md §1.3 for amd-smi, and the two tools' manuals, rocm.docs.amd.com/projects/amdsmi
 * ("AMD SMI CLI tool usage") and .../rocm_smi_lib ("ROCm SMI CLI"). Values as the tools print them, serials left out.
 */
const MI300X = {
  gpu: 0,
  asic: { market_name: "AMD Instinct MI300X", vendor_id: "0x1002", target_graphics_version: "gfx942" },
  bus: { bdf: "0000:1b:00.0", max_pcie_width: 16, slot_type: "OAM" },
  vram: { type: "HBM3", vendor: "N/A", size: { value: 196592, unit: "MB" }, bit_width: 8192 },
  driver: { name: "amdgpu", version: "6.14.14" },
};
const EXPECTED = {
  vendor: "amd" as const,
  raw_name: "AMD Instinct MI300X",
  index: 0,
  memory_mib: 196592,
  bus_id: "0000:1b:00.0",
  driver_version: "6.14.14",
};

describe("parseAmdSmi()", () => {
  test("ROCm 6: a list", () => expect(parseAmdSmi(JSON.stringify([MI300X], null, 4))).toEqual([EXPECTED]));
  test("ROCm 7: the list wrapped", () =>
    expect(parseAmdSmi(JSON.stringify({ gpu_data: [MI300X] }))).toEqual([EXPECTED]));

  test("ROCm 5.7: plain sizes and longer keys", () => {
    const old = {
      ...MI300X,
      vram: { vram_type: "HBM", vram_size_mb: "65520 MB" },
      driver: { driver_name: "amdgpu", driver_version: "6.2.4" },
    };
    const [gpu] = parseAmdSmi(JSON.stringify([old]));
    expect(gpu).toMatchObject({ memory_mib: 65520, driver_version: "6.2.4" });
  });

  test("the kernel's own driver: its version is a banner, which says nothing", () => {
    const driver = { name: "amdgpu", version: "Linuxversion6.14.0-24-generic(buildd@lcy02-amd64-010)" };
    const asic = { market_name: "AMD Instinct MI210" };
    const [gpu] = parseAmdSmi(JSON.stringify([{ ...MI300X, asic, driver }]));
    expect(gpu).toMatchObject({ raw_name: "AMD Instinct MI210" });
    expect(gpu).not.toHaveProperty("driver_version");
  });

  test.each([
    [{ value: 34359738368, unit: "B" }, 32768],
    [{ value: 192, unit: "GB" }, 196608],
    [{ value: "N/A", unit: "MB" }, 0],
    ["N/A", 0],
    [undefined, 0],
  ])("memory %p is %p MiB", (size, mib) => {
    expect(parseAmdSmi(JSON.stringify([{ ...MI300X, vram: { size } }]))[0]?.memory_mib).toBe(mib);
  });

  test("an entry without a name or a bus is passed over, a warning before the JSON too", () => {
    const entries = [{ ...MI300X, bus: { bdf: "N/A" } }, { ...MI300X, asic: "N/A" }, { cpu: 0 }, MI300X];
    const stdout = `WARNING: User is missing the following required groups: render, video\n${JSON.stringify(entries)}`;
    expect(parseAmdSmi(stdout)).toEqual([EXPECTED]);
  });
});

describe("parseRocmSmi()", () => {
  test("ROCm 6.2", () => {
    const stdout = JSON.stringify({
      card0: {
        "VRAM Total Memory (B)": "206141652992",
        "VRAM Total Used Memory (B)": "298475520",
        "Card Series": "AMD Instinct MI300X",
        "Card Model": "0x74a1",
        "Card Vendor": "Advanced Micro Devices, Inc. [AMD/ATI]",
        "PCI Bus": "0000:1B:00.0",
        "GFX Version": "gfx942",
      },
      system: { "Driver version": "6.8.5" },
    });
    expect(parseRocmSmi(stdout)).toEqual([{ ...EXPECTED, driver_version: "6.8.5" }]);
  });

  test("ROCm 4: other capitals, the product in brackets behind the chip", () => {
    const card = {
      "PCI Bus": "0000:63:00.0",
      "VRAM Total Memory (B)": "34342961152",
      "Card series": "Arcturus GL-XL [AMD Instinct MI100]",
      "Card model": "0x0c34",
      "Card vendor": "Advanced Micro Devices Inc. [AMD/ATI]",
      "Card SKU": "D34316",
    };
    expect(
      parseRocmSmi(JSON.stringify({ card0: card, card1: { ...card, "PCI Bus": "0000:E3:00.0" } })),
    ).toEqual([
      { vendor: "amd", raw_name: "AMD Instinct MI100", index: 0, memory_mib: 32752, bus_id: "0000:63:00.0" },
      { vendor: "amd", raw_name: "AMD Instinct MI100", index: 1, memory_mib: 32752, bus_id: "0000:e3:00.0" },
    ]);
  });

  test("no list of names: the model's, never the device id; memory in words is unknown", () => {
    const card = { "PCI Bus": "0000:C1:00.0", "Card series": "0x740f", "Card model": "Instinct MI210" };
    const [gpu] = parseRocmSmi(JSON.stringify({ card0: { ...card, "VRAM Total Memory (B)": "N/A" } }));
    expect(gpu).toMatchObject({ raw_name: "Instinct MI210", memory_mib: 0 });
  });
});

test("whatever the tools print, the answer is a list that the protocol takes", () => {
  const checked = GpuDevice.omit({ id: true }).array();
  const soup = fc.oneof(
    fc.string(),
    fc.json(),
    fc
      .record({ gpu: fc.anything(), asic: fc.anything(), vram: fc.anything() })
      .map((gpu) => JSON.stringify([gpu])),
    fc
      .tuple(fc.string(), fc.string(), fc.string())
      .map(([name, bus, size]) =>
        JSON.stringify({ card0: { "Card Series": name, "PCI Bus": bus, "VRAM Total Memory (B)": size } }),
      ),
    fc
      .tuple(fc.integer(), fc.anything(), fc.string())
      .map(([gpu, value, unit]) => JSON.stringify([{ ...MI300X, gpu, vram: { size: { value, unit } } }])),
  );
  const noText = JSON.stringify([{ ...MI300X, vram: { size: { value: { toString: 0 }, unit: {} } } }]);
  fc.assert(
    fc.property(soup, (stdout) => {
      checked.parse(parseAmdSmi(stdout));
      checked.parse(parseRocmSmi(stdout));
    }),
    { examples: [[noText]] },
  );
});
