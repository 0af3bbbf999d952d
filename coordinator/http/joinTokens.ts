import {
  CreateJoinTokenRequest,
  ListJoinTokensRequest,
  RevokeJoinTokensRequest,
} from "../../shared/api/joinTokens.ts";
import { createJoinToken, listUsableJoinTokens, revokeJoinTokens } from "../domain/fleets/joinTokens.ts";
import { plainAskedAt } from "./askedAt.ts";
import { projectRoute, type Route } from "./route.ts";

export const joinTokenRoutes: Route[] = [
  projectRoute({
    path: "/api/project/:project/fleets/tokens/create",
    access: "manager",
    body: CreateJoinTokenRequest,
    handle: ({ c, deps, user, project, body }) => {
      const url = deps.config.publicUrl ?? plainAskedAt(c);
      return createJoinToken(deps, project.id, { ...body, url, actorId: user.id });
    },
  }),
  projectRoute({
    path: "/api/project/:project/fleets/tokens/list",
    access: "manager",
    body: ListJoinTokensRequest,
    handle: ({ deps, project, body }) => listUsableJoinTokens(deps, project.id, body.fleet),
  }),
  projectRoute({
    path: "/api/project/:project/fleets/tokens/revoke",
    access: "manager",
    body: RevokeJoinTokensRequest,
    handle: ({ deps, user, project, body }) =>
      revokeJoinTokens(deps, project.id, { ids: body.ids, actorId: user.id }),
  }),
];
