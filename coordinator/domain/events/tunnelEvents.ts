import type { EventSubject, NewEvent } from "../../store/events.ts";

/** What somebody reached of a job. */
export interface Reached {
  submissionId: string;
  jobName: string;
  run: { id: string; project_id: string };
  /** `Port 8080`, `Shell`. */
  what: string;
}

/** Who did it, and from where. */
interface By {
  actorId: string;
  address: string;
}

/** How it went. */
export interface Use {
  seconds: number;
  connections: number;
  /** To the job, and from it. */
  sentBytes: number;
  receivedBytes: number;
}

const aboutReached = ({ submissionId: id, jobName: name, run }: Reached): EventSubject => ({
  type: "job",
  id,
  name,
  within: run.id,
  projectId: run.project_id,
});

export const reachOpened = (reached: Reached, { actorId, address }: By): NewEvent => ({
  message: `${reached.what} opened. From: ${address}`,
  actorId,
  targets: [aboutReached(reached)],
});

export const reachClosed = (reached: Reached, { actorId, address }: By, use: Use): NewEvent => ({
  message: `${reached.what} closed. From: ${address}. Lasted: ${use.seconds}s. Connections: ${use.connections}. Bytes: ${use.sentBytes} to the job, ${use.receivedBytes} from it`,
  actorId,
  targets: [aboutReached(reached)],
});

type TellableProject = { id: string; name: string };

const aboutTunnel = ({ id, name }: TellableProject): EventSubject => ({
  type: "project",
  id,
  name,
  projectId: id,
});

export const tunnelOpened = (project: TellableProject, { actorId, address }: By): NewEvent => ({
  message: `Tunnel opened. From: ${address}`,
  actorId,
  targets: [aboutTunnel(project)],
});

export const tunnelClosed = (
  project: TellableProject,
  { actorId, address }: By,
  { seconds, connections }: Pick<Use, "seconds" | "connections">,
): NewEvent => ({
  message: `Tunnel closed. From: ${address}. Lasted: ${seconds}s. Connections: ${connections}`,
  actorId,
  targets: [aboutTunnel(project)],
});
