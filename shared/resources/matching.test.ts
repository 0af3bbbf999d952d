import { expect, test } from "bun:test";
import { meets, whyNot } from "./matching.ts";
import type { Resources } from "./offered.ts";
import { Requirements } from "./requirements.ts";

const requirements = (resources: object, rest: object = {}): Requirements =>
  Requirements.parse({ resources: { cpu: "1..", memory: "0..", disk: null, ...resources }, ...rest });

const host: Resources = {
  cpus: 8,
  memory_mib: 32_000,
  gpus: [
    { name: "T4", memory_mib: 16_384, vendor: "nvidia" },
    { name: "T4", memory_mib: 16_384, vendor: "nvidia" },
  ],
  spot: false,
  disk: { size_mib: 51_200 },
  cpu_arch: "x86",
  description: "",
};

test.each([
  [{ cpu: "arm:4" }, {}, "needs an arm CPU, the host has x86"],
  [{ cpu: "16.." }, {}, "needs 16.. CPUs, the host has 8"],
  [{ memory: "64GB.." }, {}, "needs 64GB.. of memory, the host has 31.3GB"],
  [{ gpu: "24GB.." }, {}, "needs 1.. GPUs of 24GB.. each, the host has T4:16GB:2"],
  [{ gpu: "A100,H100:80GB:8" }, {}, "needs 8 A100 or H100 GPUs of 80GB each, the host has T4:16GB:2"],
  [{ gpu: "amd:1" }, {}, "needs 1 amd GPU, the host has T4:16GB:2"],
  [
    { gpu: { compute_capability: 8.6 } },
    {},
    "needs 1.. GPUs of compute capability 8.6 or above, the host has T4:16GB:2",
  ],
  [{ disk: "100GB.." }, {}, "needs 100GB.. of disk, the host has 50GB"],
  [{}, { spot: true }, "needs a spot instance"],
  [{}, { max_price: 0.5 }, "may cost at most $0.5 an hour, this costs $0.6"],
  [{ gpu: "T4:2", cpu: 8 }, {}, undefined],
])("whyNot() %j %j", (resources, rest, reason) => {
  expect(whyNot(requirements(resources, rest), host, 0.6)).toBe(reason);
});

test("whyNot() says that a host has no GPU", () => {
  const bare = { ...host, gpus: [] };
  expect(whyNot(requirements({ gpu: "24GB..:1" }), bare)).toBe(
    "needs 1 GPU of 24GB.. each, the host has none",
  );
});

test("whyNot() takes the vendor from the name where the host does not tell it", () => {
  const untold = { ...host, gpus: host.gpus.map((gpu) => ({ ...gpu, vendor: null })) };
  expect(meets(requirements({ gpu: "nvidia:2" }), untold)).toBe(true);
});
