import type Docker from "dockerode";
import { type RuntimeJob, StartError } from "../runtime.ts";
import { isUnreachable } from "./client.ts";
import { HELPER_LABEL, SUBMISSION_LABEL } from "./containerSpec.ts";
import { missingFolders, readUsers, withImageFiles } from "./imageFiles.ts";
import { type JobUser, resolveUser } from "./passwd.ts";
import { type ImageDefaults, needsUser, type Place, preparePlace } from "./place.ts";
import { placeRepo } from "./placeRepo.ts";
import { startFailure } from "./startFailure.ts";

export interface FoundPlace extends Place {
  /** Where the image's files had to be asked for who the job's user is. */
  user?: JobUser;
  /** Folders that the image lacks and that are to be the user's (docs/spec/agent.md §2.10). */
  ownFolders: string[];
}

/** Where the job runs. Looks into the image only for what the engine does not resolve itself. */
export const findPlace = async (
  docker: Docker,
  job: RuntimeJob,
  defaults: ImageDefaults,
): Promise<FoundPlace> => {
  const { repo } = job;
  if (!needsUser(job, defaults) && !repo) return { ...preparePlace(job, defaults), ownFolders: [] };
  const { image, user, submission_id } = job.assignment;
  const Labels = { [SUBMISSION_LABEL]: submission_id, [HELPER_LABEL]: "files" };
  try {
    return await withImageFiles(docker, { Image: image ?? "", Labels }, async (files) => {
      const found = resolveUser(user ?? (defaults.user || "root"), await readUsers(files));
      if (!found) throw unknownUser(user ?? defaults.user, image);
      const prepared = preparePlace(job, defaults, found);
      const place = repo ? await placeRepo(files, repo, { place: prepared, user: found }) : prepared;
      const ownFolders = found.uid === 0 ? [] : await missingFolders(files, place.workingDir);
      return { ...place, user: found, ownFolders };
    });
  } catch (err) {
    throw isUnreachable(err) ? err : startFailure(err, "create", job.assignment);
  }
};

const unknownUser = (user: string, image: string | null | undefined): StartError =>
  new StartError("executor_error", `Cannot run as the user "${user}": the image "${image}" does not know it`);
