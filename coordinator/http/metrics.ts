import { InstanceMetricsQuery, JobMetricsQuery } from "../../shared/api/metrics.ts";
import { getInstanceMetrics, getJobMetrics } from "../domain/metrics/getMetrics.ts";
import { readQuery } from "./jsonBody.ts";
import { projectRoute, type Route } from "./route.ts";

export const metricRoutes: Route[] = [
  projectRoute({
    method: "GET",
    path: "/api/project/:project/metrics/job/:run",
    access: "member",
    handle: ({ c, deps, project }) => {
      const query = readQuery(c.req.query(), JobMetricsQuery);
      return getJobMetrics(deps, project.id, { runName: c.req.param("run") ?? "", query });
    },
  }),
  // Ours: the reference tells nothing of hosts.
  projectRoute({
    method: "GET",
    path: "/api/project/:project/metrics/instance/:name",
    access: "member",
    handle: ({ c, deps, project }) => {
      const query = readQuery(c.req.query(), InstanceMetricsQuery);
      return getInstanceMetrics(deps, project.id, { name: c.req.param("name") ?? "", query });
    },
  }),
];
