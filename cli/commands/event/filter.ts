import { AppError } from "../../../shared/errors.ts";
import { answerOf, hasKeys, isText } from "../../api/answer.ts";
import { type Api, createApi, post } from "../../api/client.ts";
import type { EventFilter } from "../../api/events.ts";
import { listInstances } from "../../api/instances.ts";
import { getProject } from "../../api/projects.ts";
import { isMissing } from "../../api/refusal.ts";

/** What events are to be about, by name; `PROJECT/NAME` is of another project. */
export interface NamedFilter {
  readonly targetFleet: readonly string[];
  readonly targetInstance: readonly string[];
  readonly targetRun: readonly string[];
  readonly targetVolume: readonly string[];
  readonly targetGateway: readonly string[];
  readonly targetSecret: readonly string[];
  readonly withinFleet: readonly string[];
  readonly withinRun: readonly string[];
  readonly withinGateway: readonly string[];
}

const KINDS = {
  fleet: { what: "Fleet", path: "fleets/get", body: (name: string) => ({ name, id: null }) },
  run: { what: "Run", path: "runs/get", body: (name: string) => ({ run_name: name, id: null }) },
  volume: { what: "Volume", path: "volumes/get", body: (name: string) => ({ name }) },
  gateway: { what: "Gateway", path: "gateways/get", body: (name: string) => ({ name }) },
  secret: { what: "Secret", path: "secrets/get", body: (name: string) => ({ name }) },
} as const;

type Kind = keyof typeof KINDS | "instance";

const OPTIONS = [
  ["targetFleet", "target_fleets", "fleet"],
  ["targetInstance", "target_instances", "instance"],
  ["targetRun", "target_runs", "run"],
  ["targetVolume", "target_volumes", "volume"],
  ["targetGateway", "target_gateways", "gateway"],
  ["targetSecret", "target_secrets", "secret"],
  ["withinFleet", "within_fleets", "fleet"],
  ["withinRun", "within_runs", "run"],
  ["withinGateway", "within_gateways", "gateway"],
] as const satisfies readonly (readonly [keyof NamedFilter, keyof EventFilter, Kind])[];

/** The ids that the server filters by; without a name the whole project. */
export const resolveFilter = async (api: Api, named: NamedFilter): Promise<EventFilter> => {
  const given = OPTIONS.filter(([option]) => named[option].length > 0);
  if (given.length === 0) return { within_projects: [(await getProject(api)).project_id] };
  const resolved = await Promise.all(
    given.map(async ([option, key, kind]) => {
      const ids = await Promise.all(named[option].map((name) => getId(api, kind, name)));
      return [key, ids] as const;
    }),
  );
  return Object.fromEntries(resolved);
};

const isThing = hasKeys({ id: isText });

const getId = async (api: Api, kind: Kind, written: string): Promise<string> => {
  const slash = written.indexOf("/");
  const project = slash < 0 ? api.connection.project : written.slice(0, slash);
  const name = written.slice(slash + 1);
  const place = createApi({ ...api.connection, project });
  if (kind === "instance") return getInstanceId(place, name, written);
  const { what, path, body } = KINDS[kind];
  try {
    const request = { path: `${place.project}/${path}`, body: body(name) };
    return (await post(place, { ...request, answer: answerOf<{ id: string }>(isThing) })).id;
  } catch (err) {
    if (isMissing(err)) throw new AppError("not_found", `${what} ${written} not found`, { cause: err });
    throw err;
  }
};

/** The one of that name now, or the last that had it. */
const getInstanceId = async (api: Api, name: string, written: string): Promise<string> => {
  for (const onlyActive of [true, false]) {
    const found = (await listInstances(api, { onlyActive })).find((one) => one.name === name);
    if (found) return found.id;
  }
  throw new AppError("not_found", `Instance ${written} not found`);
};
