import type { HealthEvent, HealthStatus } from "../../../shared/api/fleets.ts";
import { type LabelChange, labelsText } from "../../../shared/api/labels.ts";
import { type FleetStatus, type InstanceStatus, instanceSources } from "../../../shared/states.ts";
import type { NewEvent } from "../../store/events.ts";
import type { FleetRow } from "../../store/fleets.ts";
import type { InstanceRow } from "../../store/instances.ts";
import { oneLine, type StatusChange, statusChanged } from "./statusText.ts";
import { aboutFleet, aboutInstance, aboutNewInstance, type TellableInstance } from "./subjects.ts";

/** A host has joined: nobody but the host itself did it, with a token that somebody gave it. */
export const instanceCreated = (
  instance: Omit<TellableInstance, "name"> & { status: InstanceStatus },
): NewEvent => ({
  message: `Instance created on host joining. Status: ${instance.status.toUpperCase()}`,
  targets: [aboutNewInstance(instance)],
});

/** It has the name that it had before. By its machine anybody could say so who has a token: that is told. */
export const instanceJoinedAgain = (
  instance: Omit<TellableInstance, "name"> & { status: InstanceStatus },
  { hasKey }: { hasKey: boolean },
): NewEvent => ({
  message: `Instance created on host joining again (${hasKey ? "its key is the same" : "the same machine with another key"}). Status: ${instance.status.toUpperCase()}`,
  targets: [aboutNewInstance(instance)],
});

/** Why a backend is to make an instance. */
export type MadeFor =
  | "fleet creation"
  | "fleet update"
  | "fleet backfill"
  | "job submission"
  | "reinstallation";

export const instanceMade = (
  instance: TellableInstance,
  origin: MadeFor,
  actorId?: string | undefined,
): NewEvent => ({
  message: `Instance created on ${origin}. Status: PENDING`,
  actorId,
  targets: [aboutInstance(instance)],
});

/** What `moveInstance` does to an instance that is in `from`; nothing, where its guard will refuse. */
export const instanceMoved = (
  instance: TellableInstance,
  change: StatusChange<InstanceStatus>,
  actorId?: string,
): NewEvent[] =>
  instanceSources(change.to).includes(change.from)
    ? [{ message: statusChanged("Instance", change), actorId, targets: [aboutInstance(instance)] }]
    : [];

/** It leaves for good. */
export const instanceEnded = (
  instance: TellableInstance & Pick<InstanceRow, "status">,
  reason: string,
  actorId: string | undefined,
): NewEvent[] => [
  ...instanceMoved(instance, { from: instance.status, to: "terminating", reason }, actorId),
  ...instanceMoved(instance, { from: "terminating", to: "terminated" }, actorId),
];

export const instanceReachable = (instance: TellableInstance, isReachable: boolean): NewEvent => ({
  message: isReachable ? "Instance became reachable" : "Instance became unreachable",
  targets: [aboutInstance(instance)],
});

export const instanceHealth = (
  instance: TellableInstance,
  { from, to, events }: { from: HealthStatus; to: HealthStatus; events: readonly HealthEvent[] },
): NewEvent => ({
  message: `Instance health changed ${from.toUpperCase()} -> ${to.toUpperCase()}${because(
    events.map(({ message }) => message).join("; "),
  )}`,
  targets: [aboutInstance(instance)],
});

const because = (reason: string): string => (reason === "" ? "" : ` (${oneLine(reason)})`);

/** Kept from new jobs by a user, or (null) no more. */
export const instanceCordoned = (
  instance: TellableInstance,
  cordon: { reason: string } | null,
  actorId: string | null,
): NewEvent => ({
  message: cordon ? `Instance cordoned${because(cordon.reason)}` : "Instance uncordoned",
  ...(actorId === null ? {} : { actorId }),
  targets: [aboutInstance(instance)],
});

export const instanceLabelled = (
  instance: TellableInstance,
  change: LabelChange,
  actorId: string,
): NewEvent => ({
  message: `Instance labels changed: ${labelsText(change)}`,
  actorId,
  targets: [aboutInstance(instance)],
});

/** Drained by whoever runs the host, or (null) no more. */
export const instanceDraining = (
  instance: TellableInstance,
  draining: { reason: string } | null,
): NewEvent => ({
  message: draining
    ? `Instance draining begun on the host${because(draining.reason)}`
    : "Instance draining ended on the host",
  targets: [aboutInstance(instance)],
});

type TellableFleet = Pick<FleetRow, "id" | "name" | "project_id">;

export const fleetCreated = (
  fleet: TellableFleet & Pick<FleetRow, "status">,
  actorId: string | undefined,
): NewEvent => ({
  message: `Fleet created. Status: ${fleet.status.toUpperCase()}`,
  actorId,
  targets: [aboutFleet(fleet)],
});

/** `properties`: what of its configuration is another now. */
export const fleetUpdated = (
  fleet: TellableFleet,
  properties: readonly string[],
  actorId: string | undefined,
): NewEvent => ({
  message: `Fleet updated. Changed fields: ${properties.join(", ") || "none"}`,
  actorId,
  targets: [aboutFleet(fleet)],
});

export const fleetMoved = (
  fleet: TellableFleet & Pick<FleetRow, "status">,
  to: FleetStatus,
  actorId?: string | undefined,
): NewEvent => ({
  message: statusChanged("Fleet", { from: fleet.status, to }),
  actorId,
  targets: [aboutFleet(fleet)],
});

/** What is missing is made up for no more, until the fleet is changed. */
export const fleetGaveUp = (fleet: TellableFleet, attempts: number): NewEvent => ({
  message: `Fleet reconciliation limit reached. Attempts: ${attempts}`,
  targets: [aboutFleet(fleet)],
});

/** Tokens are secrets: that there is one is told, and when it ends, never what it is. */
export const joinTokenCreated = (
  fleet: TellableFleet,
  expiresAt: number,
  actorId: string | undefined,
): NewEvent => ({
  message: `Join token created. Expires: ${new Date(expiresAt).toISOString()}`,
  actorId,
  targets: [aboutFleet(fleet)],
});

export const joinTokenRevoked = (fleet: TellableFleet, actorId: string): NewEvent => ({
  message: "Join token revoked",
  actorId,
  targets: [aboutFleet(fleet)],
});
