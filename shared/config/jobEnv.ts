import type { JobSpec } from "../api/jobs.ts";

/** What the coordinator knows of a placed job beside its spec. */
export interface JobPlacement {
  runId: string;
  runName: string;
  repoId: string | null;
  submissionId: string;
  /** Internal addresses of the replica's nodes, by rank. */
  nodeIps: readonly string[];
  /** How many GPUs each node has for the job, by rank. */
  gpusPerNode: readonly number[];
}

/**
 * A job's environment as far as the coordinator knows it (docs/spec/agent.md §2.11): the run, the nodes, and over them
 * what is configured. Paths are the agent's to add.
 */
export const jobEnv = (
  { job_num, jobs_per_replica, env }: Pick<JobSpec, "job_num" | "jobs_per_replica" | "env">,
  { runId, runName, repoId, submissionId, nodeIps, gpusPerNode }: JobPlacement,
): Record<string, string> => ({
  DSTACK_RUN_ID: runId,
  DSTACK_RUN_NAME: runName,
  ...(repoId === null ? {} : { DSTACK_REPO_ID: repoId }),
  DSTACK_JOB_ID: submissionId,
  DSTACK_NODES_NUM: String(jobs_per_replica),
  DSTACK_NODE_RANK: String(job_num),
  DSTACK_NODES_IPS: nodeIps.join("\n"),
  DSTACK_MASTER_NODE_IP: nodeIps[0] ?? "",
  DSTACK_GPUS_PER_NODE: String(gpusPerNode[job_num] ?? 0),
  DSTACK_GPUS_NUM: String(gpusPerNode.reduce((sum, gpus) => sum + gpus, 0)),
  ...env,
});
