import { prometheusText } from "../domain/metrics/prometheus.ts";
import { requireSecret, tokenOf } from "./access.ts";
import { plainError, Refused } from "./errorAnswer.ts";
import { openRoute, type Route } from "./route.ts";

const CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** For Prometheus, where it is switched on; open to everybody unless it has a token of its own. */
export const prometheusRoutes: Route[] = [
  openRoute({
    method: "GET",
    path: "/metrics",
    summary: "What is measured, for Prometheus; 404 unless it is switched on",
    tag: "metrics",
    refusals: [401, 403, 404],
    answer: { media: "text/plain", about: "The text format of Prometheus; docs/metrics.md has the names." },
    handle: async ({ c, deps }) => {
      const { isEnabled, token } = deps.config.prometheus;
      if (!isEnabled) throw new Refused(plainError(404, "Not found"));
      if (token !== undefined) requireSecret(token, tokenOf(c));
      return new Response(await prometheusText(deps), { headers: { "content-type": CONTENT_TYPE } });
    },
  }),
];
