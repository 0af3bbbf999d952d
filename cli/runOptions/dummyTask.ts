import type { RunSpec } from "../../shared/api/runs.ts";
import { type Placement, Profile } from "../../shared/config/profile.ts";
import { TaskConfiguration } from "../../shared/config/task.ts";
import type { ResourcesSpec } from "../../shared/resources/spec.ts";

interface Wanted {
  readonly resources: Partial<ResourcesSpec>;
  readonly placement: Partial<Placement>;
}

/** Asks for as little as can be asked for, except for what the command line says (docs/spec/cli.md §3.8). */
export const dummyTask = ({ resources, placement }: Wanted): RunSpec => {
  const configuration = TaskConfiguration.parse({
    type: "task",
    image: "scratch",
    commands: [":"],
    user: "root",
    resources: { cpu: "1..", memory: "0..", gpu: "0..", disk: null },
  });
  return {
    run_name: null,
    repo_id: null,
    repo_data: null,
    repo_code_hash: null,
    repo_dir: null,
    file_archives: [],
    working_dir: null,
    configuration_path: null,
    configuration: {
      ...configuration,
      ...placement,
      resources: { ...configuration.resources, ...resources },
    },
    profile: Profile.parse({ name: "default" }),
    ssh_key_pub: null,
  };
};
