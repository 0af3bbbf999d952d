import type { Gateway } from "../../../shared/api/gateways.ts";
import { toWireTime } from "../../../shared/api/scalars.ts";
import type { GatewayRow } from "../../store/gateways.ts";

export interface GatewayPlace {
  projectName: string;
  isDefault: boolean;
}

export const viewGateway = (row: GatewayRow, { projectName, isDefault }: GatewayPlace): Gateway => ({
  id: row.id,
  name: row.name,
  project_name: projectName,
  configuration: { ...row.configuration, default: isDefault },
  created_at: toWireTime(row.created_at),
  status: row.status,
  status_message: row.status_message,
  hostname: null,
  wildcard_domain: row.configuration.domain,
  default: isDefault,
  replicas: [],
  backend: row.configuration.backend,
  region: row.configuration.region,
  ip_address: null,
  instance_id: null,
});
