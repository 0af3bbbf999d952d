import { anyGpu, type GpuSpec, type GpuVendor } from "../resources/gpu.ts";
import { vendorOfName } from "../resources/gpuCatalogue.ts";
import type { ResourcesSpec } from "../resources/spec.ts";
import type { RunConfiguration } from "./configuration.ts";

/** The vendor that is meant although none is written (docs/spec/configuration.md §1.3, vendor inference). */
const inferVendor = (gpu: GpuSpec, hasOwnImage: boolean): GpuVendor | null => {
  if (gpu.vendor || gpu.count.max === 0) return gpu.vendor;
  if (!gpu.name || gpu.name.length === 0) return hasOwnImage ? null : "nvidia";
  const [vendor, ...others] = new Set(gpu.name.map(vendorOfName));
  return vendor !== undefined && others.length === 0 ? vendor : null;
};

const withGpu = (resources: ResourcesSpec, hasOwnImage: boolean): ResourcesSpec => {
  const gpu = resources.gpu ?? anyGpu();
  return { ...resources, gpu: { ...gpu, vendor: inferVendor(gpu, hasOwnImage) } };
};

/**
 * The configuration with what the server fills in for a plan (docs/spec/http-api.md §2.6): priority, nodes, the GPU
 * and its vendor, for the run and each of its groups.
 */
export const withServerDefaults = <C extends RunConfiguration>(configuration: C): C => {
  const hasOwnImage = Boolean(configuration.image || configuration.docker);
  const common = {
    priority: configuration.priority ?? 0,
    resources: withGpu(configuration.resources, hasOwnImage),
  };
  if (configuration.type === "task") {
    const { groups, nodes } = configuration;
    if (!groups) return { ...configuration, ...common, nodes: nodes ?? 1 };
    const filled = groups.map((group) => ({ ...group, resources: withGpu(group.resources, hasOwnImage) }));
    return { ...configuration, ...common, groups: filled };
  }
  if (configuration.type === "service" && Array.isArray(configuration.replicas)) {
    const replicas = configuration.replicas.map((group) => ({
      ...group,
      resources: withGpu(group.resources, hasOwnImage || Boolean(group.image || group.docker)),
    }));
    return { ...configuration, ...common, replicas };
  }
  return { ...configuration, ...common };
};
