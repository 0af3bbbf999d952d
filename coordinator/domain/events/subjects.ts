import type { EventSubject } from "../../store/events.ts";
import type { FleetRow } from "../../store/fleets.ts";
import type { GatewayRow } from "../../store/gateways.ts";
import type { InstanceRow } from "../../store/instances.ts";
import type { ProjectRow } from "../../store/projects.ts";
import type { RunRow } from "../../store/runs.ts";
import type { SecretRow } from "../../store/secrets.ts";
import type { NewSubmissionRow } from "../../store/submissions.ts";
import type { UserRow } from "../../store/users.ts";
import type { VolumeRow } from "../../store/volumes.ts";

// What events tell of, under the names that people know.

export type TellableRun = Pick<RunRow, "id" | "name" | "project_id">;
export type TellableInstance = Pick<InstanceRow, "id" | "name" | "project_id" | "fleet_id">;
export type TellableJob = Pick<NewSubmissionRow, "id" | "run_id" | "job_spec"> & { project_id: string };

export const aboutRun = ({ id, name, project_id: projectId }: TellableRun): EventSubject => ({
  type: "run",
  id,
  name,
  projectId,
});

/** A job is known by its attempt: that one has the id. */
export const aboutJob = ({ id, run_id, job_spec, project_id }: TellableJob): EventSubject => ({
  type: "job",
  id,
  name: job_spec.job_name,
  within: run_id,
  projectId: project_id,
});

export const aboutInstance = ({ id, name, fleet_id, project_id }: TellableInstance): EventSubject => ({
  type: "instance",
  id,
  name,
  within: fleet_id,
  projectId: project_id,
});

/** Its name is given to it by the store, in the same transaction. */
export const aboutNewInstance = ({
  id,
  fleet_id: within,
  project_id: projectId,
}: Omit<TellableInstance, "name">): EventSubject => ({ type: "instance", id, within, projectId });

export const aboutFleet = ({
  id,
  name,
  project_id: projectId,
}: Pick<FleetRow, "id" | "name" | "project_id">): EventSubject => ({ type: "fleet", id, name, projectId });

export const aboutProject = ({ id, name }: Pick<ProjectRow, "id" | "name">): EventSubject => ({
  type: "project",
  id,
  name,
  projectId: id,
});

export type TellableSecret = Pick<SecretRow, "id" | "name" | "project_id">;

export const aboutSecret = ({ id, name, project_id: projectId }: TellableSecret): EventSubject => ({
  type: "secret",
  id,
  name,
  projectId,
});

export type TellableVolume = Pick<VolumeRow, "id" | "name" | "project_id">;
export type TellableGateway = Pick<GatewayRow, "id" | "name" | "project_id">;

const aboutNamed =
  (type: "volume" | "gateway") =>
  ({ id, name, project_id: projectId }: TellableVolume): EventSubject => ({ type, id, name, projectId });

export const aboutVolume = aboutNamed("volume");
export const aboutGateway = aboutNamed("gateway");

export const aboutUser = ({ id, username }: Pick<UserRow, "id" | "username">): EventSubject => ({
  type: "user",
  id,
  name: username,
  projectId: null,
});
