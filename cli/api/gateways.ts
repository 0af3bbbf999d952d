import type { Gateway, GatewayPlan, GatewaySpec } from "../../shared/api/gateways.ts";
import { answerOf, hasKeys, isListOf, isNullOr, isText } from "./answer.ts";
import { type Api, post, postForNothing, type RequestOptions } from "./client.ts";
import { isMissing } from "./refusal.ts";

const isGateway = hasKeys({
  id: isText,
  name: isText,
  status: isText,
  status_message: isNullOr(isText),
  created_at: isText,
  configuration: hasKeys({ backend: isText, region: isText }),
});
const answer = answerOf<Gateway>(isGateway);

/** Imported ones included. */
export const listGateways = (api: Api, options: RequestOptions = {}): Promise<Gateway[]> =>
  post(api, {
    ...options,
    path: `${api.project}/gateways/list`,
    body: { include_imported: true },
    answer: answerOf<Gateway[]>(isListOf(isGateway)),
  });

export const findGateway = async (api: Api, name: string): Promise<Gateway | undefined> => {
  try {
    return await post(api, { path: `${api.project}/gateways/get`, body: { name }, answer });
  } catch (err) {
    if (isMissing(err)) return undefined;
    throw err;
  }
};

const planAnswer = answerOf<GatewayPlan>(
  hasKeys({
    project_name: isText,
    user: isText,
    spec: hasKeys({ configuration: hasKeys() }),
    current_resource: isNullOr(isGateway),
    action: isText,
  }),
);

export const getGatewayPlan = (api: Api, spec: GatewaySpec): Promise<GatewayPlan> =>
  post(api, { path: `${api.project}/gateways/get_plan`, body: { spec }, answer: planAnswer });

export const applyGatewayPlan = (api: Api, spec: GatewaySpec, current: Gateway | null): Promise<Gateway> =>
  post(api, {
    path: `${api.project}/gateways/apply`,
    body: { plan: { spec, current_resource: current }, force: false },
    answer,
  });

export const deleteGateway = (api: Api, name: string): Promise<void> =>
  postForNothing(api, `${api.project}/gateways/delete`, { names: [name] });

export const setDefaultGateway = (api: Api, name: string): Promise<void> =>
  postForNothing(api, `${api.project}/gateways/set_default`, { name });

export const setWildcardDomain = (api: Api, name: string, domain: string): Promise<Gateway> =>
  post(api, {
    path: `${api.project}/gateways/set_wildcard_domain`,
    body: { name, wildcard_domain: domain },
    answer,
  });
