import type { Fleet, FleetPlan, FleetSpec } from "../../shared/api/fleets.ts";
import { answerOf, hasKeys, isListOf, isNullOr, isNumber, isText } from "./answer.ts";
import { type Api, post, postForNothing, type RequestOptions } from "./client.ts";
import { missing } from "./missing.ts";
import { isMissing } from "./refusal.ts";

const isFleet = hasKeys({
  id: isText,
  name: isText,
  project_name: isText,
  status: isText,
  created_at: isText,
  spec: hasKeys({ configuration: hasKeys() }),
  instances: isListOf(hasKeys({ name: isText, instance_num: isNumber, status: isText, created: isText })),
});

/** Imported ones included, newest first. */
export const listFleets = (api: Api, options: RequestOptions = {}): Promise<Fleet[]> =>
  post(api, {
    ...options,
    path: `${api.project}/fleets/list`,
    body: { include_imported: true },
    answer: answerOf<Fleet[]>(isListOf(isFleet)),
  });

export interface FleetKey {
  readonly name?: string;
  readonly id?: string;
}

export const findFleet = async (api: Api, key: FleetKey): Promise<Fleet | undefined> => {
  try {
    const body = { name: key.name ?? null, id: key.id ?? null };
    return await post(api, { path: `${api.project}/fleets/get`, body, answer: answerOf<Fleet>(isFleet) });
  } catch (err) {
    if (isMissing(err)) return undefined;
    throw err;
  }
};

/** For changes, which name what they did not find in other words than `get` does. */
export const getFleetToChange = async (api: Api, name: string): Promise<Fleet> => {
  const fleet = await findFleet(api, { name });
  if (fleet) return fleet;
  throw await missingFleet(api, `Fleet ${name} does not exist`, name);
};

export const missingFleet = (api: Api, message: string, name: string | undefined): Promise<Error> =>
  missing(message, name, async (signal) => (await listFleets(api, { signal })).map((each) => each.name));

const planAnswer = answerOf<FleetPlan>(
  hasKeys({
    project_name: isText,
    user: isText,
    spec: hasKeys({ configuration: hasKeys() }),
    current_resource: isNullOr(isFleet),
    offers: isListOf(hasKeys({ instance: hasKeys({ resources: hasKeys() }), price: isNumber })),
    total_offers: isNumber,
  }),
);

/** Which fleets made themselves is the server's to say. */
export type SentFleetSpec = Omit<FleetSpec, "autocreated">;

/** What the server would do with a fleet. Nothing is changed. */
export const getFleetPlan = (api: Api, spec: SentFleetSpec): Promise<FleetPlan> =>
  post(api, { path: `${api.project}/fleets/get_plan`, body: { spec }, answer: planAnswer });

/** Makes a planned fleet, or changes the one that the plan found. */
export const applyFleetPlan = (
  api: Api,
  spec: SentFleetSpec,
  {
    current,
    sudoPassword,
    keepSshKeys = false,
  }: { current: Fleet | null; sudoPassword?: string | undefined; keepSshKeys?: boolean },
): Promise<Fleet> =>
  post(api, {
    path: `${api.project}/fleets/apply`,
    body: {
      plan: { spec, current_resource: current },
      force: false,
      ...(sudoPassword === undefined ? {} : { sudo_password: sudoPassword }),
      ...(keepSshKeys ? { keep_ssh_keys: true } : {}),
    },
    answer: answerOf<Fleet>(isFleet),
  });

export const deleteFleet = (api: Api, name: string): Promise<void> =>
  postForNothing(api, `${api.project}/fleets/delete`, { names: [name] });

export const deleteInstances = (api: Api, name: string, instanceNums: readonly number[]): Promise<void> =>
  postForNothing(api, `${api.project}/fleets/delete_instances`, { name, instance_nums: instanceNums });
