import type { ContentfulStatusCode } from "hono/utils/http-status";
import { AppError, type AppErrorCode } from "../../../shared/errors.ts";
import type { AgentError } from "../../../shared/protocol/error.ts";

const STATUSES: Record<AppErrorCode, ContentfulStatusCode> = {
  invalid: 400,
  unsupported: 400,
  unauthenticated: 401,
  forbidden: 403,
  not_found: 404,
  repo_not_found: 404,
  no_backend: 400,
  exists: 409,
  conflict: 409,
  fenced: 409,
  too_large: 413,
  unavailable: 503,
};

/** Errors on the agent link (shared/protocol/error.ts). Undefined: a bug, logged and answered as `internal`. */
export const agentErrorAnswer = (
  err: unknown,
): { status: ContentfulStatusCode; body: AgentError } | undefined => {
  if (!(err instanceof AppError)) return undefined;
  const message = err.hint === undefined ? err.message : `${err.message}. ${err.hint}`;
  return { status: STATUSES[err.code], body: { error: { code: err.code, message } } };
};
