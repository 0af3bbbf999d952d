import { InstanceMetricsQuery, JobMetricsQuery, Metrics } from "../../shared/api/metrics.ts";
import { getInstanceMetrics, getJobMetrics } from "../domain/metrics/getMetrics.ts";
import { projectRoute, type Route } from "./route.ts";

export const metricRoutes: Route[] = [
  projectRoute({
    method: "GET",
    path: "/api/project/:project/metrics/job/:run",
    summary: "What a job used, newest sample first",
    tag: "metrics",
    access: "member",
    query: JobMetricsQuery,
    answer: Metrics,
    handle: ({ c, deps, project, query }) =>
      getJobMetrics(deps, project.id, { runName: c.req.param("run") ?? "", query }),
  }),
  // Ours: the reference tells nothing of hosts.
  projectRoute({
    method: "GET",
    path: "/api/project/:project/metrics/instance/:name",
    summary: "What a host used, newest sample first",
    tag: "metrics",
    access: "member",
    ours: true,
    query: InstanceMetricsQuery,
    answer: Metrics,
    handle: ({ c, deps, project, query }) =>
      getInstanceMetrics(deps, project.id, { name: c.req.param("name") ?? "", query }),
  }),
];
