import { AppError } from "../../../shared/errors.ts";

/** What the project's clouds could be. */
export interface Clouds {
  /** Types of backends that a project may have. */
  readonly types: readonly string[];
  isConfigured(projectId: string, type: string): boolean;
}

/**
 * No project has any yet. The types are those that the reference knows without the packages of the large clouds: what
 * is to be made by one of these is stored and then fails, what is to be made by another is refused at once, as clients
 * know it from there.
 */
export const NO_CLOUDS: Clouds = {
  types: [
    "amddevcloud",
    "cloudrift",
    "crusoe",
    "daytona",
    "digitalocean",
    "hotaisle",
    "jarvislabs",
    "lambda",
    "lium",
    "runpod",
    "slurm",
    "seeweb",
    "vastai",
    "vultr",
  ],
  isConfigured: () => false,
};

const NONE_YET = "This version has no cloud backends yet: hosts are joined to fleets instead";

export const refuseCloud = (type: string): never => {
  throw new AppError("no_backend", `Backend ${type} not available`, { hint: NONE_YET });
};

/** Refuses a type that no project could have. */
export const requireCloudType = ({ types }: Clouds, type: string): void => {
  if (!types.includes(type)) refuseCloud(type);
};

/** Refuses what this project has no backend for. */
export const requireCloud = (clouds: Clouds, projectId: string, type: string): void => {
  requireCloudType(clouds, type);
  if (!clouds.isConfigured(projectId, type))
    throw new AppError("no_backend", `Backend ${type} is not configured in this project`, { hint: NONE_YET });
};

/** Why something that is stored will not be made. */
export const whyNotMade = (clouds: Clouds, projectId: string, type: string): string =>
  clouds.isConfigured(projectId, type)
    ? `This version cannot yet make it by the backend ${type}`
    : `Backend ${type} not available. ${NONE_YET}`;
