import { AppError } from "../errors.ts";
import type { GpuSpec } from "../resources/gpu.ts";
import { vendorOfName } from "../resources/gpuCatalogue.ts";
import type { ResourcesSpec } from "../resources/spec.ts";
import type { Path } from "../schema/refusal.ts";
import type { RunConfiguration } from "./configuration.ts";
import type { ImageChoice } from "./image.ts";
import { checkNodeReferences } from "./nodeReferences.ts";
import { type Note, printPath } from "./problems.ts";
import { mergeProfile, type Placement } from "./profile.ts";

const MAX_TIME_WINDOW_S = 3600;
const MAX_PROBES = 10;
const MAX_PROBE_TIMEOUT_S = 300;

/** Vendors that are asked for, as far as known. */
const vendorsOf = (gpu: GpuSpec): string[] => {
  if (gpu.count.max === 0) return [];
  const vendors = gpu.vendor ? [gpu.vendor] : (gpu.name ?? []).map(vendorOfName);
  return [...new Set(vendors.filter((vendor) => vendor !== undefined))];
};

/** The default image is made for x86 and NVIDIA. */
const checkImage = (kind: ImageChoice & { resources: ResourcesSpec }, path: Path, note: Note) => {
  const { image, docker, resources } = kind;
  if (resources.cpu.arch === "arm" && docker) {
    note("unsupported", [...path, "docker"], "docker: true is not there for ARM");
  } else if (resources.cpu.arch === "arm" && !image) {
    note("missing", [...path, "image"], "An image is needed for ARM: the default one is for x86");
  }
  const others = resources.gpu
    ? vendorsOf(resources.gpu).filter((vendor) => vendor !== "nvidia" && vendor !== "google")
    : [];
  if (others.length > 0 && !image && !docker) {
    note(
      "missing",
      [...path, "image"],
      `An image is needed for ${others.join(", ")}: the default one is for nvidia`,
    );
  }
};

const checkImages = (configuration: RunConfiguration, note: Note) => {
  if (configuration.type === "task" && configuration.groups) {
    for (const [index, { resources }] of configuration.groups.entries()) {
      checkImage({ ...configuration, resources }, ["groups", index], note);
    }
  } else if (configuration.type === "service" && Array.isArray(configuration.replicas)) {
    for (const [index, group] of configuration.replicas.entries()) {
      const image = group.image ?? configuration.image;
      const docker = group.docker ?? configuration.docker;
      checkImage({ ...group, image, docker }, ["replicas", index], note);
    }
  } else checkImage(configuration, [], note);
};

const checkPlacement = ({ retry, utilization_policy }: Placement, note: Note) => {
  if (retry && retry !== true && (retry.duration ?? 0) < 0) {
    note("out_of_range", ["retry", "duration"], "A duration cannot be negative");
  }
  if (utilization_policy && utilization_policy.time_window > MAX_TIME_WINDOW_S) {
    note("out_of_range", ["utilization_policy", "time_window"], `At most ${MAX_TIME_WINDOW_S} seconds`);
  }
};

const checkService = (configuration: RunConfiguration, placement: Placement, note: Note) => {
  if (configuration.type !== "service") return;
  const { probes, replicas } = configuration;
  if (probes && probes.length > MAX_PROBES) note("out_of_range", ["probes"], `At most ${MAX_PROBES} probes`);
  probes?.forEach(({ timeout }, index) => {
    if (timeout !== null && timeout > MAX_PROBE_TIMEOUT_S) {
      note("out_of_range", ["probes", index, "timeout"], `At most ${MAX_PROBE_TIMEOUT_S} seconds`);
    }
  });
  const groups = Array.isArray(replicas) ? replicas : [];
  const minima =
    groups.length > 0
      ? groups.map(({ count }) => count.min)
      : [replicas && "min" in replicas ? replicas.min : 1];
  if (placement.schedule && minima.every((min) => min === 0)) {
    note("unsupported", ["schedule"], "A scheduled service needs a replica to start with: its minimum is 0");
  }
  if (placement.retry !== null && groups.some(({ router }) => router?.type === "dynamo")) {
    note("conflict", ["retry"], "A service with a dynamo router retries by itself: leave retry out");
  }
};

/**
 * What the server refuses of a run before it asks anything of the outside (docs/spec/configuration.md §7): rules over
 * the configuration and the profile together.
 */
export const noteRunProblems = (
  configuration: RunConfiguration,
  profile: Placement | null,
  note: Note,
): void => {
  const placement = mergeProfile(profile, configuration);
  checkImages(configuration, note);
  checkPlacement(placement, note);
  checkService(configuration, placement, note);
  checkNodeReferences(configuration, note);
};

/** Throws `AppError` "invalid" with every mistake. */
export const checkRun = (configuration: RunConfiguration, profile: Placement | null): void => {
  const lines: string[] = [];
  noteRunProblems(configuration, profile, (_kind, path, message) =>
    lines.push([printPath(path), message].filter((part) => part !== "").join(": ")),
  );
  if (lines.length > 0) throw new AppError("invalid", lines.join("\n"));
};
