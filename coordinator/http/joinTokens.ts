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
    handle: ({ c, deps, project, body }) =>
      createJoinToken(deps, project.id, { ...body, url: deps.config.publicUrl ?? plainAskedAt(c) }),
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
    handle: ({ deps, project, body }) => revokeJoinTokens(deps, project.id, body.ids),
  }),
];
