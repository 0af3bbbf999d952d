import type { z } from "zod";
import { tagged } from "../schema/union.ts";
import { DevEnvironmentConfiguration } from "./devEnvironment.ts";
import { FleetConfiguration } from "./fleet.ts";
import { GatewayConfiguration } from "./gateway.ts";
import { PresetConfiguration } from "./preset.ts";
import { ServiceConfiguration } from "./service.ts";
import { TaskConfiguration } from "./task.ts";
import { VolumeConfiguration } from "./volume.ts";

const runs = {
  "dev-environment": DevEnvironmentConfiguration,
  task: TaskConfiguration,
  service: ServiceConfiguration,
};

/**
 * What `apply` turns into a run. Reads everything a file may hold, and the wire's canonical form, which it gives: the
 * server checks what clients send with the same schema.
 */
export const RunConfiguration = tagged("type", runs);
export type RunConfiguration = z.infer<typeof RunConfiguration>;

/** What a `*.dstack.yml` may hold. */
export const AnyConfiguration = tagged("type", {
  ...runs,
  fleet: FleetConfiguration,
  gateway: GatewayConfiguration,
  volume: VolumeConfiguration,
  preset: PresetConfiguration,
});
export type AnyConfiguration = z.infer<typeof AnyConfiguration>;
