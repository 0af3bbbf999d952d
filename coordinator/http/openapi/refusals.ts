import type { z } from "zod";
import {
  DomainErrorBody,
  PlainErrorBody,
  TextErrorBody,
  ValidationErrorBody,
} from "../../../shared/api/errors.ts";
import type { Route } from "../route.ts";

interface Refusal {
  name: string;
  about: string;
  bodies: readonly z.ZodType[];
}

/** What is answered instead of what was asked for, by status (docs/spec/http-api.md §1.4). */
export const REFUSALS: Readonly<Record<number, Refusal>> = {
  400: {
    name: "Refused",
    about: "It cannot be done. `code` says why for programs, `msg` for people; there is exactly one entry.",
    bodies: [DomainErrorBody],
  },
  401: { name: "NotAuthenticated", about: "There is no bearer token.", bodies: [TextErrorBody] },
  403: {
    name: "Forbidden",
    about: "The token is unknown or its user inactive (`Invalid token`), or the role does not suffice.",
    bodies: [PlainErrorBody],
  },
  404: {
    name: "NotFound",
    about: "There is no such project, or nothing is served there. A run or fleet that is not there is a 400.",
    bodies: [PlainErrorBody, TextErrorBody],
  },
  413: { name: "TooLarge", about: "The body is larger than is read.", bodies: [PlainErrorBody] },
  422: {
    name: "Invalid",
    about: "The body or the query does not have the form of this call; one entry per problem.",
    bodies: [ValidationErrorBody],
  },
  426: { name: "NoWebSocket", about: "It has to be asked for as a WebSocket.", bodies: [PlainErrorBody] },
  429: {
    name: "TooMany",
    about: "The caller has as many of these open as one may.",
    bodies: [PlainErrorBody],
  },
  500: { name: "InternalError", about: "A bug. The message names the request.", bodies: [PlainErrorBody] },
  503: {
    name: "Unavailable",
    about: "Something that is needed does not answer now.",
    bodies: [PlainErrorBody],
  },
};

/** The statuses a route may refuse with. */
export const refusalsOf = (route: Route): number[] => {
  const isApi = route.path.startsWith("/api/");
  const statuses = [
    ...(isApi ? [400] : []),
    ...(route.access === "none" ? [] : [401, 403]),
    ...(route.path.includes("/:project/") ? [404] : []),
    ...(route.body && !route.upload ? [413] : []),
    ...(route.body || route.query || route.upload ? [422] : []),
    ...(route.refusals ?? []),
    ...(isApi ? [500, 503] : [500]),
  ];
  return [...new Set(statuses)].sort((a, b) => a - b);
};
