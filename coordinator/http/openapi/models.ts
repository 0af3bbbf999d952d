import { z } from "zod";
import * as backends from "../../../shared/api/backends.ts";
import * as errors from "../../../shared/api/errors.ts";
import * as events from "../../../shared/api/events.ts";
import * as exportModels from "../../../shared/api/exports.ts";
import * as files from "../../../shared/api/files.ts";
import * as fleets from "../../../shared/api/fleets.ts";
import * as gateways from "../../../shared/api/gateways.ts";
import * as gpus from "../../../shared/api/gpus.ts";
import * as jobs from "../../../shared/api/jobs.ts";
import * as joinTokens from "../../../shared/api/joinTokens.ts";
import * as labels from "../../../shared/api/labels.ts";
import * as logs from "../../../shared/api/logs.ts";
import * as metrics from "../../../shared/api/metrics.ts";
import * as projects from "../../../shared/api/projects.ts";
import * as repos from "../../../shared/api/repos.ts";
import * as runs from "../../../shared/api/runs.ts";
import * as scalars from "../../../shared/api/scalars.ts";
import * as secrets from "../../../shared/api/secrets.ts";
import * as server from "../../../shared/api/server.ts";
import * as templates from "../../../shared/api/templates.ts";
import * as uploads from "../../../shared/api/uploads.ts";
import * as users from "../../../shared/api/users.ts";
import * as volumes from "../../../shared/api/volumes.ts";
import { RunConfiguration } from "../../../shared/config/configuration.ts";
import { DevEnvironmentConfiguration } from "../../../shared/config/devEnvironment.ts";
import { FleetConfiguration } from "../../../shared/config/fleet.ts";
import { GatewayConfiguration } from "../../../shared/config/gateway.ts";
import { Profile } from "../../../shared/config/profile.ts";
import { ServiceConfiguration } from "../../../shared/config/service.ts";
import { TaskConfiguration } from "../../../shared/config/task.ts";
import { VolumeConfiguration } from "../../../shared/config/volume.ts";
import { BackendOptions } from "../../../shared/resources/backendOptions.ts";
import * as offered from "../../../shared/resources/offered.ts";
import * as requirements from "../../../shared/resources/requirements.ts";
import { ResourcesSpec } from "../../../shared/resources/spec.ts";

/** Their exports' names are those of the models. */
const MODULES = [
  backends,
  errors,
  events,
  exportModels,
  files,
  fleets,
  gateways,
  gpus,
  jobs,
  joinTokens,
  labels,
  logs,
  metrics,
  offered,
  projects,
  repos,
  requirements,
  runs,
  scalars,
  secrets,
  server,
  uploads,
  templates,
  users,
  volumes,
];

/**
 * The configuration language. Answers give it in the form in which clients may send it again, so that there is one model
 * of each for both directions.
 */
export const LANGUAGE: Readonly<Record<string, z.ZodType>> = {
  RunConfiguration,
  TaskConfiguration,
  ServiceConfiguration,
  DevEnvironmentConfiguration,
  FleetConfiguration,
  VolumeConfiguration,
  GatewayConfiguration,
  Profile,
  ResourcesSpec,
  BackendOptions,
};

/** Models of requests and answers by their names. */
export const modelsByName = (): ReadonlyMap<string, z.ZodType> =>
  new Map(
    MODULES.flatMap((module) => Object.entries(module)).filter(
      (entry): entry is [string, z.ZodType] => entry[1] instanceof z.ZodType,
    ),
  );
