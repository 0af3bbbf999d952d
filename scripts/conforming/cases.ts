import type { Case } from "./case.ts";
import { eventCases } from "./cases/events.ts";
import { fleetCases } from "./cases/fleets.ts";
import { logCases } from "./cases/logs.ts";
import { metricCases } from "./cases/metrics.ts";
import { offerCases } from "./cases/offers.ts";
import { projectCases } from "./cases/projects.ts";
import { runCases } from "./cases/runs.ts";

/** In the order in which they are played: what waits longest is first. */
export const CASES: readonly Case[] = [
  ...metricCases,
  ...fleetCases,
  ...runCases,
  ...logCases,
  ...eventCases,
  ...offerCases,
  ...projectCases,
];
