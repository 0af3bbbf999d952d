import { measureDispatch } from "./dispatchPart.ts";
import { measureGrowth } from "./growthPart.ts";
import { measureIdle } from "./idlePart.ts";
import type { Part } from "./part.ts";
import { measureQueries } from "./queriesPart.ts";
import { measureStorm } from "./stormPart.ts";

/** In the order in which they run on one cluster: what disturbs it most comes last. */
export const PARTS = {
  idle: {
    summary: "memory and CPU of a coordinator whose agents have nothing to do",
    sizes: ({ most }) => [most],
    run: measureIdle,
  },
  growth: {
    summary: "CPU for a heartbeat and for a job, by hosts",
    sizes: ({ growth }) => growth,
    run: measureGrowth,
  },
  dispatch: {
    summary: "jobs a second that reach a host, and how long each takes at 100 a second",
    sizes: ({ most, middle }) => [middle, most],
    run: measureDispatch,
  },
  queries: {
    summary: "get_plan with all hosts, ps with a long history, and the API under 16 connections",
    sizes: ({ most }) => [most],
    run: measureQueries,
  },
  storm: {
    summary: "kill -9 of the coordinator under all agents, half of them with a job",
    sizes: ({ most }) => [most],
    run: measureStorm,
  },
} as const satisfies Record<string, Part>;
export type PartName = keyof typeof PARTS;
