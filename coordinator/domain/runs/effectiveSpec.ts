import type { JobSpec } from "../../../shared/api/jobs.ts";
import type { RunSpec } from "../../../shared/api/runs.ts";
import { withServerDefaults } from "../../../shared/config/effective.ts";
import { DEFAULT_IMAGES } from "../../../shared/config/image.ts";
import { getJobSpecs } from "../../../shared/config/jobSpecs.ts";
import type { Deps } from "../../deps.ts";
import type { UserRow } from "../../store/users.ts";
import { withSshKeys } from "../users/sshKeys.ts";

/** Python of the default image where a configuration names none. */
const DEFAULT_PYTHON = "3.12";

/** The spec with what the server decides (docs/spec/http-api.md §2.6): this is what a run is stored with. */
export const effectiveSpec = async (deps: Deps, user: UserRow, spec: RunSpec): Promise<RunSpec> => ({
  ...spec,
  repo_id: spec.repo_id ?? "none",
  repo_data: spec.repo_data ?? { repo_type: "virtual" },
  ssh_key_pub: spec.ssh_key_pub ?? (await withSshKeys(deps, user)).ssh_public_key,
  configuration: withServerDefaults(spec.configuration),
});

/** The jobs of the first replica. Registries are not asked: a job without commands gets the image's own. */
export const jobSpecsOf = ({ config }: Pick<Deps, "config">, spec: RunSpec, runName: string): JobSpec[] => {
  const images = {
    ...DEFAULT_IMAGES,
    ...(config.baseImage === undefined ? {} : { base: config.baseImage }),
    ...(config.baseImageVersion === undefined ? {} : { version: config.baseImageVersion }),
  };
  return getJobSpecs(spec, { runName, images, defaultPython: DEFAULT_PYTHON });
};
