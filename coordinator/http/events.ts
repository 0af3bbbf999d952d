import { z } from "zod";
import { Event, ListEventsRequest } from "../../shared/api/events.ts";
import { listVisibleEvents } from "../domain/events/listEvents.ts";
import { type Route, userRoute } from "./route.ts";

export const eventRoutes: Route[] = [
  userRoute({
    // What each may see is the domain's to say.
    path: "/api/events/list",
    summary: "What happened, as far as the caller may see it",
    tag: "events",
    access: "auth",
    body: ListEventsRequest,
    answer: z.array(Event),
    handle: ({ deps, user, body }) => listVisibleEvents(deps, user, body),
  }),
];
