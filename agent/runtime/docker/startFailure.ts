import type { Assignment } from "../../../shared/protocol/assignment.ts";
import { StartError } from "../runtime.ts";
import { engineMessage } from "./client.ts";

/** Where the engine refused. */
export type Step = "create" | "start";

interface Rule {
  pattern: RegExp;
  reason: StartError["reason"];
  message: (assignment: Assignment, found: RegExpExecArray) => string;
}

/**
 * The engine tells its reasons in words only, so that known ones are recognised by them; the rest is quoted. What
 * is not recognised ends the job all the same, with the reason of its step (docs/spec/agent.md §2.2).
 */
const RULES: Rule[] = [
  {
    pattern: /no space left on device/,
    reason: "creating_container_error",
    message: () => "Cannot start the job: the disk of the host's container engine is full",
  },
  {
    pattern: /argument list too long/,
    reason: "executor_error",
    message: () => "Linux cannot start the job: its environment and commands are too large together",
  },
  {
    pattern: /exec: "([^"]+)": .*(no such file or directory|executable file not found|permission denied)/,
    reason: "container_exited_with_error",
    message: ({ image }, [, command = "", why = ""]) =>
      `Cannot run "${command}" in the image "${image}": ${why}`,
  },
  {
    pattern: /unable to find (?:user|group) ([^:]+): no matching entries/,
    reason: "executor_error",
    message: ({ image, user }) => `Cannot run as the user "${user}": the image "${image}" does not know it`,
  },
  {
    // It was asked for the runtime first.
    pattern: /could not select device driver|CDI device|stat nvidia\.com\/gpu/i,
    reason: "executor_error",
    message: (_assignment, { input }) =>
      "Cannot attach the GPUs: the container engine has neither NVIDIA's runtime (NVIDIA Container Toolkit) nor a " +
      `description of them (nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml): ${input}`,
  },
  {
    pattern: /No command specified/i,
    reason: "creating_container_error",
    message: ({ image }) => `The image "${image}" has neither an entrypoint nor a command: give commands`,
  },
  {
    pattern: /Cannot mkdir: (\S+) is not a directory/,
    reason: "executor_error",
    message: ({ image }, [, path]) =>
      `Cannot use ${path} as the working directory: in the image "${image}" it is a file`,
  },
  {
    pattern: /(?:invalid mount config|Duplicate mount point|error mounting|not a directory: unknown)/,
    reason: "executor_error",
    message: (_assignment, { input }) => `Cannot mount: ${input}`,
  },
];

export const startFailure = (err: unknown, step: Step, assignment: Assignment): StartError => {
  if (err instanceof StartError) return err;
  const said = engineMessage(err);
  for (const { pattern, reason, message } of RULES) {
    const found = pattern.exec(said);
    if (found) return new StartError(reason, message(assignment, found), { cause: err });
  }
  return step === "create"
    ? new StartError("creating_container_error", `Cannot create the container: ${said}`, { cause: err })
    : new StartError("container_exited_with_error", `Cannot start the container: ${said}`, { cause: err });
};
