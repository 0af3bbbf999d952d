import type { Job } from "../../../shared/api/jobs.ts";

/** A label for each job, with no more than tells them apart (docs/spec/cli.md §7.7). */
export const jobLabels = (jobs: readonly Job[]): string[] => {
  const specs = jobs.map(({ job_spec: spec }) => spec);
  const hasGroups = new Set(specs.map((spec) => spec.replica_group)).size > 1;
  const hasReplicas = new Set(specs.map((spec) => spec.replica_num)).size > 1;
  return specs.map((spec, at) => {
    const group = `group=${spec.replica_group}`;
    // Named where it begins; its jobs stand under it.
    const isFirst = specs[at - 1]?.replica_group !== spec.replica_group;
    const parts = [
      ...(hasGroups ? [isFirst ? group : " ".repeat(group.length)] : []),
      ...(hasReplicas ? [`replica=${spec.replica_num}`] : []),
      `job=${spec.job_num}`,
    ];
    return parts.join(" ");
  });
};
