import type { EnvVars } from "../../../shared/config/env.ts";

/** What an agent itself obeys, and is told by whoever sets it up (install.sh). */
const AGENT_VARIABLES: ReadonlySet<string> = new Set([
  "HTTP_PROXY",
  "HTTPS_PROXY",
  "NO_PROXY",
  "http_proxy",
  "https_proxy",
  "no_proxy",
  "DOCKER_HOST",
  "DSTACK_AGENT_UPGRADE",
]);

/** `env` of an SSH fleet holds for its jobs; of the reference's hosts also for what runs these. */
export const agentEnvOf = (env: EnvVars): Record<string, string> =>
  Object.fromEntries(
    Object.entries(valuesOf(env)).filter(
      ([name, value]) => AGENT_VARIABLES.has(name) && !/[\n\r\0]/.test(value),
    ),
  );

/** Those that have a value. */
export const valuesOf = (env: EnvVars): Record<string, string> =>
  Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) => (typeof value === "string" ? [[name, value]] : [])),
  );
