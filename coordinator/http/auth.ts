import { z } from "zod";
import {
  AuthCallbackRequest,
  AuthorizeAnswer,
  AuthorizeRequest,
  NextRedirectAnswer,
  NextRedirectRequest,
  OAuthProvider,
} from "../../shared/api/server.ts";
import { UserWithCreds } from "../../shared/api/users.ts";
import { AppError } from "../../shared/errors.ts";
import { plainError, Refused } from "./errorAnswer.ts";
import { openRoute, type Route } from "./route.ts";

const unknownProvider = (): never => {
  throw new Refused(plainError(404, "Not found"));
};

/** Logging in without a token, for which there is no provider: people are given tokens by an admin. */
export const authRoutes: Route[] = [
  openRoute({
    path: "/api/auth/list_providers",
    summary: "Ways to log in without a token: there are none",
    tag: "server",
    answer: z.array(OAuthProvider),
    handle: () => [],
  }),
  openRoute({
    path: "/api/auth/get_next_redirect",
    summary: "Where a login goes on that was begun here: none was",
    tag: "server",
    body: NextRedirectRequest,
    answer: NextRedirectAnswer,
    handle: async () => {
      throw new AppError("invalid", "Invalid state token");
    },
  }),
  openRoute({
    path: "/api/auth/:provider/authorize",
    summary: "Begin a login with a provider; there are none",
    tag: "server",
    body: AuthorizeRequest,
    answer: AuthorizeAnswer,
    refusals: [404],
    handle: async () => unknownProvider(),
  }),
  openRoute({
    path: "/api/auth/:provider/callback",
    summary: "End a login with a provider; there are none",
    tag: "server",
    body: AuthCallbackRequest,
    answer: UserWithCreds,
    refusals: [404],
    handle: async () => unknownProvider(),
  }),
];
