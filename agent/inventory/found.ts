import type { GpuDevice } from "../../shared/protocol/inventory.ts";
import type { ToolOptions } from "./tool.ts";

export interface ReadOptions extends ToolOptions {
  /** "/" but in tests. */
  root: string;
  /** What does not change while the same devices are there, from one reading to the next: how they are connected. */
  memory: Map<string, string>;
}

/** What one vendor's tools tell of its devices. */
export interface Found {
  /** All that are there, healthy or not; one with `health.status` `failure` must not be given to a job. */
  gpus: GpuDevice[];
  /** Why there may be more than that, in words for people; empty where the tools answered in full. */
  failures: string[];
}

export const failed = (reason: string): GpuDevice["health"] => ({ status: "failure", reason });

/** Words for "no value", bare or in brackets, as tools of different ages write them (docs/spec/agent.md §1.1). */
export const isMissing = (value: string): boolean =>
  value === "" ||
  /^\[?(n\/a|none|unknown( error)?|insufficient permissions|not supported|not available|requested functionality has been deprecated)\]?$/i.test(
    value,
  );

/** The value, or undefined where the tool writes one of its words for having none. */
export const known = (value: string): string | undefined => (isMissing(value) ? undefined : value);
