import { expect, test } from "bun:test";
import { allFeatures, missingFeature } from "./features.ts";

const refused = (message: string) => ({ statusCode: 500, json: { message } });

test.each([
  ['exec: "docker-init": executable file not found in $PATH', "init"],
  [
    'lstat /usr/libexec/podman/catatonit: no such file or directory: "": container-init binary not found',
    "init",
  ],
  [
    "nvidia-container-cli: mount error: stat failed: /dev/nvidia-modeset: no such file or directory",
    "display",
  ],
  ["failed to initialize logging driver: logger: no log driver named 'local' is registered", "localLog"],
  ["--storage-opt is supported only for overlay over xfs with 'pquota' mount option", "diskQuota"],
  [
    "NanoCPUs can not be set, as your kernel does not support CPU CFS scheduler or the cgroup is not mounted",
    "cpuLimit",
  ],
  [
    "error setting rlimits for ready process: error setting rlimit type 8: operation not permitted",
    "ulimits",
  ],
  ["no such file or directory", undefined],
] as const)("%p: %p is missing", (said, missing) => {
  expect(missingFeature(refused(said), allFeatures())).toBe(missing);
});

test("what was not asked for is not what is missing", () => {
  const asked = { ...allFeatures(), init: false };
  expect(missingFeature(refused('exec: "docker-init": executable file not found'), asked)).toBeUndefined();
});
