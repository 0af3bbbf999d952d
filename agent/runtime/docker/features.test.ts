import { expect, test } from "bun:test";
import type { ContainerCreateOptions } from "dockerode";
import { tempDir } from "../../../shared/testing/tempDir.ts";
import { openDocker } from "./client.ts";
import { allFeatures, findSilentLacks, missingFeature } from "./features.ts";

const EVERYTHING: ContainerCreateOptions = {
  HostConfig: {
    Init: true,
    DeviceRequests: [{ Driver: "", Capabilities: [["gpu", "display"]] }],
    Runtime: "habana",
    LogConfig: { Type: "local", Config: {} },
    StorageOpt: { size: "1G" },
    NanoCpus: 1,
    Ulimits: [],
  },
};
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
  ['could not select device driver "" with capabilities: [[gpu utility compute]]', "nvidiaRuntime"],
  ['exec: "nvidia-container-runtime-hook": executable file not found in $PATH: unknown', "nvidiaRuntime"],
  ["unknown or invalid runtime name: habana", "habanaRuntime"],
  ["Unknown runtime specified habana", "habanaRuntime"],
  // CDI was the second thing that was tried.
  ['could not select device driver "cdi" with capabilities: []', undefined],
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
  ["container create: running container create option: invalid log driver: invalid argument", "localLog"],
  ["container-init binary not found on the host: stat /usr/libexec/podman/catatonit: no such file", "init"],
  ["no such file or directory", undefined],
] as const)("%p: %p is missing", (said, missing) => {
  expect(missingFeature(refused(said), EVERYTHING)).toBe(missing);
});

test("what was not asked for is not what is missing", () => {
  const err = refused("crun: setrlimit `RLIMIT_NOFILE`: Operation not permitted");
  expect(missingFeature(err, {})).toBeUndefined();
  expect(missingFeature(err, EVERYTHING)).toBe("ulimits");
});

test.each([
  ["Podman Engine", false],
  ["Engine", true],
])("findSilentLacks() of %s", async (name, nvidiaRuntime) => {
  using dir = tempDir();
  const unix = `${dir.path}/docker.sock`;
  const server = Bun.serve({
    unix,
    fetch: () => Response.json({ Components: [{ Name: name, Version: "5.0" }] }),
  });
  const features = allFeatures();
  await findSilentLacks(await openDocker(`unix://${unix}`), features);
  await server.stop(true);
  expect(features.nvidiaRuntime).toBe(nvidiaRuntime);
});
