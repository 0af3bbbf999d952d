import type { Event, EventTargetType, ListEventsRequest } from "../../shared/api/events.ts";
import type { WireTime } from "../../shared/api/scalars.ts";
import { answerOf, hasKeys, isListOf, isNullOr, isText } from "./answer.ts";
import { type Api, post } from "./client.ts";

/** At most one of `target_*` and one of `within_*`. Keys that older servers do not know are there only if they are set. */
export type EventFilter = Partial<
  Record<Extract<keyof ListEventsRequest, `target_${string}` | `within_${string}`>, readonly string[]>
> & { readonly include_target_types?: readonly EventTargetType[] };

export interface EventPage {
  readonly ascending: boolean;
  /** Only what comes behind it, in the order of the page. */
  readonly behind?: { readonly recordedAt: WireTime; readonly id?: string };
}

const EVENTS_A_PAGE = 100;

/** What every server knows, so that it is asked the same as by the stock client. */
const NO_FILTER = {
  target_projects: null,
  target_users: null,
  target_fleets: null,
  target_instances: null,
  target_runs: null,
  target_jobs: null,
  target_volumes: null,
  target_gateways: null,
  target_secrets: null,
  within_projects: null,
  within_fleets: null,
  within_runs: null,
  include_target_types: null,
  actors: null,
};

const event = hasKeys({
  id: isText,
  message: isText,
  recorded_at: isText,
  actor_user: isNullOr(isText),
  targets: isListOf(hasKeys({ type: isText, name: isText })),
});

export const listEvents = (
  api: Api,
  filter: EventFilter,
  { ascending, behind }: EventPage,
): Promise<Event[]> =>
  post(api, {
    path: "/api/events/list",
    body: {
      ...NO_FILTER,
      ...filter,
      prev_recorded_at: behind?.recordedAt ?? null,
      prev_id: behind?.id ?? null,
      limit: EVENTS_A_PAGE,
      ascending,
    },
    answer: answerOf<Event[]>(isListOf(event)),
  });

/** All that was recorded after a time, oldest first, page by page. */
export async function* eventsSince(
  api: Api,
  filter: EventFilter,
  since: WireTime,
): AsyncGenerator<Event, void, void> {
  let behind: EventPage["behind"] = { recordedAt: since };
  for (;;) {
    const page: Event[] = await listEvents(api, filter, { ascending: true, behind });
    yield* page;
    const last = page.at(-1);
    if (!last || page.length < EVENTS_A_PAGE) return;
    behind = { recordedAt: last.recorded_at, id: last.id };
  }
}
