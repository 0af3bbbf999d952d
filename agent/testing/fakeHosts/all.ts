import { AMD, AMD_SMI, MI300X, MI300X_FILES } from "./amd.ts";
import { type FakeHost, sample } from "./fakeHost.ts";
import { GAUDI } from "./gaudi.ts";
import { fakeUuid, NVIDIA, NVIDIA_FILES, NVIDIA_XML } from "./nvidia.ts";
import { TENSTORRENT } from "./tenstorrent.ts";

const MIXED: FakeHost = {
  name: "two vendors in one host",
  files: { ...NVIDIA_FILES, ...MI300X_FILES },
  tools: {
    "nvidia-smi": [{ args: NVIDIA_XML, stdout: sample("nvidia/590-blackwell.xml") }],
    "amd-smi": [{ args: AMD_SMI, stdout: sample("amd/rocm6-mi300x.txt") }],
  },
  gpus: [{ vendor: "nvidia", id: fakeUuid(0x590) }, ...MI300X],
};

export const FAKE_HOSTS: readonly FakeHost[] = [...NVIDIA, ...AMD, ...GAUDI, ...TENSTORRENT, MIXED];
