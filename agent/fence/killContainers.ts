import { existsSync } from "node:fs";
import { isUnreachable, openDocker } from "../runtime/docker/client.ts";
import { killContainer } from "../runtime/docker/find.ts";

/** Kills the container of a job, if there is one, and an engine; false: the engine is away, and may keep it alive. */
export const killContainers = async (dockerHost: string, submissionId: string): Promise<boolean> => {
  const socket = /^unix:\/\/(.*)$/.exec(dockerHost)?.[1];
  if (socket !== undefined && !existsSync(socket)) return true;
  try {
    await killContainer(await openDocker(dockerHost), submissionId);
    return true;
  } catch (err) {
    if (!isUnreachable(err)) throw err;
    return false;
  }
};
