import type { RunSpec } from "../../../shared/api/runs.ts";
import { RESOURCE_NAME } from "../../../shared/api/scalars.ts";
import { mergeProfile } from "../../../shared/config/profile.ts";
import { AppError } from "../../../shared/errors.ts";
import type { Deps } from "../../deps.ts";
import { listFileArchivesByIds } from "../../store/fileArchives.ts";
import type { ProjectRow } from "../../store/projects.ts";
import type { UserRow } from "../../store/users.ts";

/** Whose run it is, or would be. */
export interface Caller {
  user: UserRow;
  project: ProjectRow;
}

/** Refuses what could not be submitted: `invalid`, `not_found` or `unsupported`. Nothing is changed. */
export const checkSpec = async (deps: Deps, { user, project }: Caller, spec: RunSpec): Promise<void> => {
  if (spec.run_name !== null && !RESOURCE_NAME.test(spec.run_name))
    throw new AppError("invalid", `Resource name should match regex '${RESOURCE_NAME.source}'`);
  if ((spec.repo_id === null) !== (spec.repo_data === null))
    throw new AppError("invalid", "repo_id and repo_data must be given together");
  checkReferences(spec, project);
  const missing = missingFeature(spec);
  if (missing) throw new AppError("unsupported", `${missing} not supported by this version yet`);
  await checkArchives(deps, user, spec);
};

/** There are no network volumes, and no other project's fleets. */
const checkReferences = ({ configuration, profile }: RunSpec, project: ProjectRow): void => {
  for (const mount of configuration.volumes) {
    if (!("name" in mount)) continue;
    const names = [mount.name].flat().map((name) => `'${name}'`);
    throw new AppError("not_found", `Volume [${names.join(", ")}] not found`);
  }
  const { fleets, instances } = mergeProfile(profile, configuration);
  const named = (instances ?? []).flatMap((selector) => ("fleet" in selector ? [selector.fleet] : []));
  for (const fleet of [...(fleets ?? []), ...named])
    if (fleet.project !== null && fleet.project !== project.name)
      throw new AppError("unsupported", "Fleets of other projects are not supported by this version yet", {
        hint: `"${fleet.project}/${fleet.name}" is not in project "${project.name}"`,
      });
};

/** What the language knows but no run can have yet; refused rather than ignored. */
const missingFeature = (spec: RunSpec): string | undefined => {
  const { configuration } = spec;
  if (configuration.type === "service") return "Services are";
  if (configuration.type === "dev-environment") return "Dev environments are";
  if (mergeProfile(spec.profile, configuration).utilization_policy) return "Utilization policies are";
  if (spec.repo_data?.repo_type === "remote" || spec.repo_code_hash !== null)
    return "Repositories (`repos`) are";
  if (hasSecret(configuration.env) || hasSecret(configuration.registry_auth)) return "Secrets are";
  return undefined;
};

const hasSecret = (values: object | null): boolean =>
  Object.values(values ?? {}).some((value) => typeof value === "string" && /\$\{\{\s*secrets\./.test(value));

/** A user can only bring along what they have uploaded themselves. */
const checkArchives = async (deps: Deps, user: UserRow, spec: RunSpec): Promise<void> => {
  const wanted = spec.file_archives.map((archive) => archive.id);
  const found = await listFileArchivesByIds(deps.db, wanted);
  for (const id of wanted)
    if (!found.some((row) => row.id === id && row.user_id === user.id))
      throw new AppError("not_found", `File archive ${id} not found`);
};
