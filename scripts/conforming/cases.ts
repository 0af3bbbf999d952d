import type { Case } from "./case.ts";
import { apiCases } from "./cases/api.ts";
import { applyFlagCases } from "./cases/applyFlags.ts";
import { applyFlowCases } from "./cases/applyFlow.ts";
import { attachCases } from "./cases/attach.ts";
import { clientCases } from "./cases/client.ts";
import { devEnvironmentCases } from "./cases/devEnvironments.ts";
import { eventCases } from "./cases/events.ts";
import { exportCases } from "./cases/exports.ts";
import { featureCases } from "./cases/features.ts";
import { fleetCases } from "./cases/fleets.ts";
import { logCases } from "./cases/logs.ts";
import { metricCases } from "./cases/metrics.ts";
import { offerCases } from "./cases/offers.ts";
import { opensshCases } from "./cases/openssh.ts";
import { presetCases } from "./cases/presets.ts";
import { projectCases } from "./cases/projects.ts";
import { repoCases } from "./cases/repos.ts";
import { runCases } from "./cases/runs.ts";
import { secretCases } from "./cases/secrets.ts";
import { storageCases } from "./cases/storage.ts";

/** In the order in which they are played: what waits longest is first. */
export const CASES: readonly Case[] = [
  ...metricCases,
  ...attachCases,
  ...opensshCases,
  ...apiCases,
  ...repoCases,
  ...featureCases,
  ...devEnvironmentCases,
  ...applyFlowCases,
  ...applyFlagCases,
  ...runCases,
  ...fleetCases,
  ...logCases,
  ...eventCases,
  ...secretCases,
  ...storageCases,
  ...exportCases,
  ...presetCases,
  ...offerCases,
  ...projectCases,
  ...clientCases,
];
