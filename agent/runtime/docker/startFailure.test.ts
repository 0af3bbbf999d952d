import { expect, test } from "bun:test";
import type { Assignment } from "../../../shared/protocol/assignment.ts";
import { StartError } from "../runtime.ts";
import { type Step, startFailure } from "./startFailure.ts";

const assignment = { image: "ubuntu:24.04", user: "ghost" } as Assignment;

/** Words of Docker 20.10 to 28, as its HTTP API answers them. */
test.each<[Step, string, StartError["reason"], string]>([
  [
    "start",
    'failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec: "/bin/bash": stat /bin/bash: no such file or directory: unknown',
    "container_exited_with_error",
    'Cannot run "/bin/bash" in the image "ubuntu:24.04": no such file or directory',
  ],
  [
    "start",
    'failed to create task for container: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: error during container init: exec: "python": executable file not found in $PATH: unknown',
    "container_exited_with_error",
    'Cannot run "python" in the image "ubuntu:24.04": executable file not found',
  ],
  [
    "start",
    "unable to find user ghost: no matching entries in passwd file",
    "executor_error",
    'Cannot run as the user "ghost": the image "ubuntu:24.04" does not know it',
  ],
  [
    "start",
    'could not select device driver "" with capabilities: [[gpu utility]]',
    "executor_error",
    'Cannot attach the GPUs: the container engine has neither NVIDIA\'s runtime (NVIDIA Container Toolkit) nor a description of them (nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml): could not select device driver "" with capabilities: [[gpu utility]]',
  ],
  [
    "create",
    "No command specified",
    "creating_container_error",
    'The image "ubuntu:24.04" has neither an entrypoint nor a command: give commands',
  ],
  ["create", "Duplicate mount point: /data", "executor_error", "Cannot mount: Duplicate mount point: /data"],
  [
    "create",
    "write /var/lib/docker/containers/x/config.v2.json: no space left on device",
    "creating_container_error",
    "Cannot start the job: the disk of the host's container engine is full",
  ],
  [
    "start",
    "cgroup is broken",
    "container_exited_with_error",
    "Cannot start the container: cgroup is broken",
  ],
])("at %s: %s", (step, said, reason, message) => {
  const err = Object.assign(new Error(`(HTTP code 500) server error - ${said} `), {
    statusCode: 500,
    json: { message: said },
  });
  const failure = startFailure(err, step, assignment);
  expect([failure.reason, failure.message]).toEqual([reason, message]);
});

test("startFailure() leaves alone what is one already", () => {
  const err = new StartError("executor_error", "no");
  expect(startFailure(err, "create", assignment)).toBe(err);
});
