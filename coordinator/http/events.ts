import { ListEventsRequest } from "../../shared/api/events.ts";
import { listVisibleEvents } from "../domain/events/listEvents.ts";
import { type Route, userRoute } from "./route.ts";

export const eventRoutes: Route[] = [
  userRoute({
    // What each may see is the domain's to say.
    path: "/api/events/list",
    access: "auth",
    body: ListEventsRequest,
    handle: ({ deps, user, body }) => listVisibleEvents(deps, user, body),
  }),
];
