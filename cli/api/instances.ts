import type { HealthChecks, Instance } from "../../shared/api/fleets.ts";
import type { LabelChange } from "../../shared/api/labels.ts";
import { answerOf, hasKeys, isListOf, isNumber, isText } from "./answer.ts";
import { type Api, post, postForNothing, type RequestOptions } from "./client.ts";

const isInstance = hasKeys({
  id: isText,
  name: isText,
  instance_num: isNumber,
  status: isText,
  created: isText,
});

/** Those alive in the project, newest first; without `onlyActive` the newest of all. */
export const listInstances = (
  api: Api,
  { onlyActive = true, ...options }: RequestOptions & { onlyActive?: boolean } = {},
): Promise<Instance[]> =>
  post(api, {
    ...options,
    path: "/api/instances/list",
    body: { project_names: [api.connection.project], only_active: onlyActive },
    answer: answerOf<Instance[]>(isListOf(isInstance)),
  });

export const getInstance = (api: Api, id: string): Promise<Instance> =>
  post(api, { path: `${api.project}/instances/get`, body: { id }, answer: answerOf<Instance>(isInstance) });

const isHealthAnswer = hasKeys({
  health_checks: isListOf(hasKeys({ collected_at: isText, status: isText })),
});

/** Newest first; none of an instance that is in no fleet. */
export const listHealthChecks = async (
  api: Api,
  { fleet_name, instance_num }: Instance,
): Promise<HealthChecks["health_checks"]> => {
  if (fleet_name === null) return [];
  const { health_checks } = await post(api, {
    path: `${api.project}/instances/get_instance_health_checks`,
    body: { fleet_name, instance_num },
    answer: answerOf<HealthChecks>(isHealthAnswer),
  });
  return health_checks;
};

// Ours: a stock server has no such routes, and answers 405.

export const cordonInstance = (api: Api, name: string, reason: string): Promise<Instance> =>
  post(api, {
    path: `${api.project}/instances/cordon`,
    body: { name, reason },
    answer: answerOf<Instance>(isInstance),
  });

export const uncordonInstance = (api: Api, name: string): Promise<Instance> =>
  post(api, {
    path: `${api.project}/instances/uncordon`,
    body: { name },
    answer: answerOf<Instance>(isInstance),
  });

export const labelInstance = (api: Api, name: string, labels: LabelChange): Promise<Instance> =>
  post(api, {
    path: `${api.project}/instances/label`,
    body: { name, labels },
    answer: answerOf<Instance>(isInstance),
  });

export const reinstallInstance = (
  api: Api,
  { name, force, sudoPassword }: { name: string; force: boolean; sudoPassword: string | undefined },
): Promise<void> =>
  postForNothing(api, `${api.project}/instances/reinstall`, {
    name,
    force,
    ...(sudoPassword === undefined ? {} : { sudo_password: sudoPassword }),
  });

export const removeInstance = (
  api: Api,
  wish: { name: string; uninstall: boolean; force: boolean },
): Promise<void> => postForNothing(api, `${api.project}/instances/remove`, wish);
