import type { GatewayStatus, VolumeStatus } from "../../../shared/states.ts";
import type { NewEvent } from "../../store/events.ts";
import { oneLine, statusChanged } from "./statusText.ts";
import { aboutGateway, aboutVolume, type TellableGateway, type TellableVolume } from "./subjects.ts";

// Of volumes and gateways.

const movedTo = (what: "Volume" | "Gateway", from: string, to: string, why: string | null): string =>
  `${statusChanged(what, { from, to })}${why === null ? "" : ` (${oneLine(why)})`}`;

export const volumeCreated = (volume: TellableVolume, actorId: string): NewEvent => ({
  message: "Volume created. Status: SUBMITTED",
  actorId,
  targets: [aboutVolume(volume)],
});

export const volumeMoved = (
  volume: TellableVolume & { status: VolumeStatus },
  to: VolumeStatus,
  message: string | null,
): NewEvent => ({
  message: movedTo("Volume", volume.status, to, message),
  targets: [aboutVolume(volume)],
});

export const volumeDeleted = (volume: TellableVolume, actorId: string): NewEvent => ({
  message: "Volume deleted",
  actorId,
  targets: [aboutVolume(volume)],
});

const gatewayEvent =
  (message: string) =>
  (gateway: TellableGateway, actorId: string): NewEvent => ({
    message,
    actorId,
    targets: [aboutGateway(gateway)],
  });

export const gatewayCreated = gatewayEvent("Gateway created. Status: SUBMITTED");
export const gatewayMadeDefault = gatewayEvent("Gateway set as default");
export const gatewayDeleted = gatewayEvent("Gateway deleted");

/** `properties`: what of its configuration is another now. */
export const gatewayUpdated = (
  gateway: TellableGateway,
  properties: readonly string[],
  actorId: string,
): NewEvent => ({
  message: `Gateway updated. Changed fields: ${properties.join(", ") || "none"}`,
  actorId,
  targets: [aboutGateway(gateway)],
});

export const gatewayMoved = (
  gateway: TellableGateway & { status: GatewayStatus },
  to: GatewayStatus,
  message: string | null,
): NewEvent => ({
  message: movedTo("Gateway", gateway.status, to, message),
  targets: [aboutGateway(gateway)],
});
