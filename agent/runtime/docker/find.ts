import type Docker from "dockerode";
import { statusOf } from "./client.ts";
import { HELPER_LABEL, SUBMISSION_LABEL } from "./containerSpec.ts";
import { waitForCode } from "./wait.ts";

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

/** Behind the name of a container that is kept although its job is over. */
const RETIRED = "-finished";

/**
 * The job is over: kills what still runs of it. Its container stays, under a name that says so, where `keep` is not 0
 * and it has run; so many such containers of this engine are kept, the youngest.
 */
export const retireContainers = async (docker: Docker, submissionId: string, keep: number): Promise<void> => {
  const found = await listContainers(docker, submissionId);
  await Promise.all(
    found.map(async ({ Id, Labels }) => {
      const container = docker.getContainer(Id);
      if (keep === 0 || Labels[HELPER_LABEL] !== undefined || !(await retire(container)))
        await removeContainer(container);
    }),
  );
  if (found.length > 0) await pruneRetired(docker, keep);
};

/** False: there is nothing in it to look at. */
const retire = async (container: Docker.Container): Promise<boolean> => {
  try {
    const info = await container.inspect();
    if (!hasStarted(info)) return false;
    if (info.State.Running || info.State.Paused) {
      await container.kill({ signal: "SIGKILL" }).catch(unlessStopped);
      await waitForCode(container);
    }
    const name = info.Name.replace(/^\//, "");
    if (!name.endsWith(RETIRED)) await container.rename({ name: `${name}${RETIRED}` });
    return true;
  } catch (err) {
    if (statusOf(err) === 404) return true;
    throw err;
  }
};

const unlessStopped = (err: unknown): void => {
  if (statusOf(err) !== CONFLICT && statusOf(err) !== 404) throw err;
};

/** Removes retired containers but the youngest `keep`. Returns how many. */
export const pruneRetired = async (docker: Docker, keep: number): Promise<number> => {
  const all = await docker.listContainers({ all: true, filters: { label: [SUBMISSION_LABEL] } });
  const retired = all
    .filter(({ Names }) => Names.some((name) => name.endsWith(RETIRED)))
    .map(({ Id }) => docker.getContainer(Id));
  // A list has whole seconds, of which two jobs need no more than one.
  const created = await Promise.all(
    retired.map(async (container) => ({ container, at: await createdAt(container) })),
  );
  const old = created.toSorted((a, b) => b.at - a.at).slice(keep);
  for (const { container } of old) await removeContainer(container);
  return old.length;
};

/** One that somebody else has removed meanwhile is as old as can be. */
const createdAt = async (container: Docker.Container): Promise<number> => {
  try {
    return Date.parse((await container.inspect()).Created);
  } catch (err) {
    if (statusOf(err) === 404) return 0;
    throw err;
  }
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
    await waitForCode(container, "removed").catch((gone: unknown) => {
      if (statusOf(gone) !== 404) throw gone;
    });
  }
};

const NEVER = "0001-01-01T00:00:00Z";

/** A container that was created and never ran: its start was not asked for, or failed. */
export const hasStarted = ({ State }: Docker.ContainerInspectInfo): boolean =>
  State.StartedAt !== "" && State.StartedAt !== NEVER;

/** Kills the job's container, where it runs; it stays for the agent to read. */
export const killContainer = async (docker: Docker, submissionId: string): Promise<void> => {
  const container = await findContainer(docker, submissionId);
  await container?.kill({ signal: "SIGKILL" }).catch(unlessStopped);
};
