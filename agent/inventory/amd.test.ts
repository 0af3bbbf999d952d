import { expect, test } from "bun:test";
import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { writeFakeHost } from "../testing/fakeHosts/fakeHost.ts";
import { readAmdGpus } from "./amd.ts";

const options = (root: string, searchPath: string) => ({
  root,
  searchPath,
  signal: new AbortController().signal,
  timeoutMs: 5_000,
  memory: new Map<string, string>(),
});

test("readAmdGpus() says why there is none where neither tool is installed and the kernel knows none", async () => {
  using dir = tempDir();
  expect(await readAmdGpus(options(dir.path, dir.path))).toEqual({
    gpus: [],
    failures: ["amd-smi is not installed; rocm-smi is not installed"],
  });
});

test("readAmdGpus() finds a render node by udev's link", async () => {
  using dir = tempDir();
  const gpu = {
    gpu: 0,
    asic: { market_name: "AMD Instinct MI210" },
    bus: { bdf: "0000:2b:00.0" },
    vram: { size: { value: 65520, unit: "MB" } },
  };
  const args = "static --json --asic --vram --bus --driver";
  const tools = { "amd-smi": [{ args, stdout: JSON.stringify([gpu]) }] };
  const { root, bin } = writeFakeHost(dir.path, { files: {}, tools });
  mkdirSync(join(root, "dev/dri/by-path"), { recursive: true });
  symlinkSync("../renderD129", join(root, "dev/dri/by-path/pci-0000:2b:00.0-render"));
  const { gpus } = await readAmdGpus(options(root, bin));
  expect(gpus).toMatchObject([{ id: "/dev/dri/renderD129", index: 0 }]);
});
