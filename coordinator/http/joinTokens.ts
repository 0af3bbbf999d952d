import { z } from "zod";
import {
  CreateJoinTokenRequest,
  JoinToken,
  ListJoinTokensRequest,
  NewJoinToken,
  RevokeJoinTokensRequest,
} from "../../shared/api/joinTokens.ts";
import { createJoinToken, listUsableJoinTokens, revokeJoinTokens } from "../domain/fleets/joinTokens.ts";
import { plainAskedAt } from "./askedAt.ts";
import { NOTHING, projectRoute, type Route } from "./route.ts";

export const joinTokenRoutes: Route[] = [
  projectRoute({
    path: "/api/project/:project/fleets/tokens/create",
    summary: "Make a token with which hosts join a fleet",
    tag: "fleets",
    ours: true,
    access: "manager",
    body: CreateJoinTokenRequest,
    answer: NewJoinToken,
    handle: ({ c, deps, user, project, body }) => {
      const url = deps.config.publicUrl ?? plainAskedAt(c);
      return createJoinToken(deps, project.id, { ...body, url, actorId: user.id });
    },
  }),
  projectRoute({
    path: "/api/project/:project/fleets/tokens/list",
    summary: "Tokens with which hosts can still join",
    tag: "fleets",
    ours: true,
    access: "manager",
    body: ListJoinTokensRequest,
    answer: z.array(JoinToken),
    handle: ({ deps, project, body }) => listUsableJoinTokens(deps, project.id, body.fleet),
  }),
  projectRoute({
    path: "/api/project/:project/fleets/tokens/revoke",
    summary: "Revoke tokens; hosts that have joined stay",
    tag: "fleets",
    ours: true,
    access: "manager",
    body: RevokeJoinTokensRequest,
    answer: NOTHING,
    handle: ({ deps, user, project, body }) =>
      revokeJoinTokens(deps, project.id, { ids: body.ids, actorId: user.id }),
  }),
];
