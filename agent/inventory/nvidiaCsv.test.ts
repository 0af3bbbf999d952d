import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { GpuDevice } from "../../shared/protocol/inventory.ts";
import { parseNvidiaCsv } from "./nvidiaCsv.ts";

/*
 * The columns are described by `nvidia-smi --help-query-gpu` of each driver; the samples are rows as drivers of that
 * generation print them (serials changed). What is printed for missing values: docs/spec/agent.md §1.1.
 */
const UUID_A = "GPU-5d1c0f3e-7a42-9b6e-c0de-4f8a1b2c3d4e";
const UUID_B = "GPU-a81f22c4-11d0-63ef-90ab-7c6d5e4f3a2b";

describe("parseNvidiaCsv()", () => {
  test("driver 440: names without the vendor", () => {
    expect(parseNvidiaCsv(`0, GeForce RTX 2080, 7979, ${UUID_A}, 440.64, 00000000:0A:00.0\n`)).toEqual([
      {
        vendor: "nvidia",
        raw_name: "GeForce RTX 2080",
        id: UUID_A,
        index: 0,
        memory_mib: 7979,
        bus_id: "0000:0a:00.0",
        driver_version: "440.64",
      },
    ]);
  });

  test("driver 418: a data-centre card", () => {
    const [gpu] = parseNvidiaCsv(`0, Tesla V100-SXM2-16GB, 16130, ${UUID_A}, 418.87.01, 00000000:00:1E.0\n`);
    expect(gpu).toMatchObject({ raw_name: "Tesla V100-SXM2-16GB", memory_mib: 16130 });
  });

  test("driver 570: the rows of docs/spec/agent.md §1.2", () => {
    const rows = [
      `0, NVIDIA H100 80GB HBM3, 81559, ${UUID_A}, 570.124.06, 00000000:18:00.0`,
      `1, NVIDIA H100 80GB HBM3, 81559, ${UUID_B}, 570.124.06, 00000000:2A:00.0`,
    ];
    expect(parseNvidiaCsv(`${rows.join("\n")}\n`).map(({ id, index }) => [id, index])).toEqual([
      [UUID_A, 0],
      [UUID_B, 1],
    ]);
    expect(parseNvidiaCsv(rows.join("\r\n"))).toHaveLength(2);
  });

  test("driver 580 on a GB10: no memory of its own (docs.nvidia.com/dgx/dgx-spark/known-issues.html)", () => {
    const [gpu] = parseNvidiaCsv(`0, NVIDIA GB10, [N/A], ${UUID_A}, 580.126.09, 0000000F:01:00.0\n`);
    expect(gpu).toMatchObject({
      raw_name: "NVIDIA GB10",
      memory_mib: 0,
      unified_memory: true,
      bus_id: "000f:01:00.0",
    });
  });

  test("a MIG-enabled GPU seen without rights to its memory is still there (NVML_ERROR_NO_PERMISSION)", () => {
    const row = `0, NVIDIA A100-SXM4-40GB, [Insufficient Permissions], ${UUID_A}, 550.127.08, 00000000:07:00.0\n`;
    const [gpu] = parseNvidiaCsv(row);
    expect(gpu).toMatchObject({ id: UUID_A, memory_mib: 0 });
    expect(gpu).not.toHaveProperty("unified_memory");
  });

  test.each(["N/A", "[N/A]", "[Unknown Error]", "[Not Supported]", "Not Available", "unknown", ""])(
    "no driver version or bus when the tool says %p",
    (missing) => {
      const [gpu] = parseNvidiaCsv(`3, NVIDIA L4, 23034, ${UUID_A}, ${missing}, ${missing}\n`);
      expect(gpu).toEqual({
        vendor: "nvidia",
        raw_name: "NVIDIA L4",
        id: UUID_A,
        index: 3,
        memory_mib: 23034,
      });
    },
  );

  test("a GPU that fell off the bus does not hide the others (Xid 79)", () => {
    const stdout = [
      "Unable to determine the device handle for GPU1: 0000:2A:00.0: Unknown Error",
      `0, NVIDIA GeForce RTX 3080, 10240, ${UUID_A}, 535.183.01, 00000000:01:00.0`,
      `2, NVIDIA GeForce RTX 3080, 10240, [Unknown Error], 535.183.01, 00000000:03:00.0`,
    ].join("\n");
    expect(parseNvidiaCsv(stdout).map(({ index }) => index)).toEqual([0]);
  });

  test.each([
    "",
    "No devices were found\n",
    "Failed to initialize NVML: Driver/library version mismatch\nNVML library version: 550.144\n",
    "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver. Make sure that the latest NVIDIA driver is installed and running.\n",
    'Field "memory.total" is not a valid field to query.\n',
  ])("no GPU in %p", (stdout) => {
    expect(parseNvidiaCsv(stdout)).toEqual([]);
  });

  test("whatever is printed, the answer is a list that the protocol takes", () => {
    const field = fc.oneof(
      fc.string(),
      fc.constantFrom("[N/A]", "0", "-1", "1e9", UUID_A, "99999999999999999999"),
    );
    const row = fc.array(field, { maxLength: 8 }).map((fields) => fields.join(", "));
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(row).map((rows) => rows.join("\n")),
        ),
        (stdout) => {
          GpuDevice.array().parse(parseNvidiaCsv(stdout));
        },
      ),
    );
  });
});
