import type { ProbeSpec } from "../api/jobs.ts";
import type { ServiceConfiguration } from "./service.ts";
import type { ProbeConfiguration } from "./serviceParts.ts";

const withDefaults = (probe: ProbeConfiguration): ProbeSpec => ({
  type: probe.type,
  url: probe.url ?? "/",
  method: probe.method ?? "get",
  headers: probe.headers,
  body: probe.body,
  timeout: probe.timeout ?? 10,
  interval: probe.interval ?? 15,
  ready_after: probe.ready_after ?? 1,
  until_ready: probe.until_ready ?? false,
});

/** A model is ready once it answers a question. */
const modelProbe = (prefix: string, model: string): ProbeSpec => ({
  type: "http",
  url: `${prefix.replace(/\/+$/, "")}/chat/completions`,
  method: "post",
  headers: [{ name: "Content-Type", value: "application/json" }],
  body: `{"model": ${JSON.stringify(model)}, "messages": [{"role": "user", "content": "hi"}], "max_tokens": 1}`,
  timeout: 30,
  interval: 15,
  ready_after: 1,
  until_ready: false,
});

/**
 * The probes of a replica. The default one, of a service with an OpenAI model, goes to the router's group alone if
 * there is one (docs/spec/changes-0.22.md §6).
 */
export const probesOf = (service: ServiceConfiguration, groupName: string): ProbeSpec[] => {
  if (service.probes) return service.probes.map(withDefaults);
  if (service.model?.format !== "openai") return [];
  const groups = Array.isArray(service.replicas) ? service.replicas : [];
  const router = groups.find((group) => group.router);
  if (router && router.name !== groupName) return [];
  return [modelProbe(service.model.prefix, service.model.name)];
};
