import type { RunSpec } from "../../shared/api/runs.ts";
import type { Placement } from "../../shared/config/profile.ts";
import { TaskConfiguration } from "../../shared/config/task.ts";
import { defaultResources } from "../../shared/resources/spec.ts";
import type { Values } from "../args/command.ts";
import { type resourceOptions, withResources } from "./resources.ts";

/** Asks for as little as can be asked for, except for what the command line says (docs/spec/cli.md §3.8). */
export const dummyTask = (values: Values<typeof resourceOptions>, placement: Partial<Placement>): RunSpec => {
  const configuration = TaskConfiguration.parse({
    type: "task",
    image: "scratch",
    commands: [":"],
    user: "root",
    resources: { cpu: "1..", memory: "0..", gpu: "0..", disk: null },
  });
  const resources = withResources(configuration.resources ?? defaultResources(), values);
  return emptySpec({ ...configuration, ...placement, resources });
};

/** A run specification that says nothing but what to run. */
export const emptySpec = (configuration: RunSpec["configuration"]): RunSpec => ({
  run_name: configuration.name,
  repo_id: null,
  repo_data: null,
  repo_code_hash: null,
  repo_dir: null,
  file_archives: [],
  working_dir: null,
  configuration_path: null,
  configuration,
  profile: null,
  ssh_key_pub: null,
});
