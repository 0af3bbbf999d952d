import type Docker from "dockerode";
import { statusOf } from "./client.ts";
import { HELPER_LABEL, SUBMISSION_LABEL } from "./containerSpec.ts";

/** Ids of everything that the agent created for a submission; its job's container and helpers. */
const listContainers = (docker: Docker, submissionId: string) =>
  docker.listContainers({ all: true, filters: { label: [`${SUBMISSION_LABEL}=${submissionId}`] } });

/** The job's container of a submission, whatever became of it. */
export const findContainer = async (
  docker: Docker,
  submissionId: string,
): Promise<Docker.Container | undefined> => {
  const found = await listContainers(docker, submissionId);
  const job = found.find(({ Labels }) => Labels[HELPER_LABEL] === undefined);
  return job && docker.getContainer(job.Id);
};

/** Kills and removes all of a submission, anonymous volumes too. */
export const removeContainers = async (docker: Docker, submissionId: string): Promise<void> => {
  const found = await listContainers(docker, submissionId);
  await Promise.all(found.map(({ Id }) => removeContainer(docker.getContainer(Id))));
};

const CONFLICT = 409;

export const removeContainer = async (container: Docker.Container): Promise<void> => {
  try {
    await container.remove({ force: true, v: true });
  } catch (err) {
    if (statusOf(err) === 404) return;
    if (statusOf(err) !== CONFLICT) throw err;
    // Somebody else is removing it.
    await container.wait({ condition: "removed" }).catch((gone: unknown) => {
      if (statusOf(gone) !== 404) throw gone;
    });
  }
};

const NEVER = "0001-01-01T00:00:00Z";

/** A container that was created and never ran: its start was not asked for, or failed. */
export const hasStarted = ({ State }: Docker.ContainerInspectInfo): boolean =>
  State.StartedAt !== "" && State.StartedAt !== NEVER;
