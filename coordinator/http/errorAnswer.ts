import type { ContentfulStatusCode } from "hono/utils/http-status";
import type { ApiErrorBody, ApiErrorCode } from "../../shared/api/errors.ts";
import { AppError, type AppErrorCode } from "../../shared/errors.ts";
import { InvalidBody } from "./jsonBody.ts";

export interface ErrorAnswer {
  status: ContentfulStatusCode;
  body: ApiErrorBody;
}

/** A refusal that has its own form, whatever the code: no token, no such project, no such route. */
export class Refused extends Error {
  readonly answer: ErrorAnswer;

  constructor(answer: ErrorAnswer) {
    super(`Refused with status ${answer.status}`);
    this.name = "Refused";
    this.answer = answer;
  }
}

/** Errors of the domain are 400 with one of the wire's codes; a missing run or fleet is never a 404. */
const DOMAIN_CODES: Partial<Record<AppErrorCode, ApiErrorCode>> = {
  invalid: "error",
  not_found: "resource_not_exists",
  repo_not_found: "repo_does_not_exist",
  no_backend: "backend_not_available",
  exists: "resource_exists",
  conflict: "error",
  fenced: "error",
  unsupported: "error",
};

/** Errors about the call rather than about what it asks for. */
const CALL_STATUSES: Partial<Record<AppErrorCode, ContentfulStatusCode>> = {
  unauthenticated: 403,
  forbidden: 403,
  too_large: 413,
  unavailable: 503,
};

export const domainError = (code: ApiErrorCode | null, msg: string): ErrorAnswer => ({
  status: 400,
  body: { detail: [{ code, msg }] },
});

export const plainError = (status: ContentfulStatusCode, msg: string): ErrorAnswer => ({
  status,
  body: { detail: { msg, code: null } },
});

/** The one place where errors become answers (docs/spec/http-api.md §1.4). Undefined: a bug, not for the caller's eyes. */
export const errorAnswer = (err: unknown): ErrorAnswer | undefined => {
  if (err instanceof InvalidBody) return { status: 422, body: { detail: err.problems } };
  if (err instanceof Refused) return err.answer;
  if (!(err instanceof AppError)) return undefined;
  const msg = err.hint === undefined ? err.message : `${err.message}\n${err.hint}`;
  const code = DOMAIN_CODES[err.code];
  if (code) return domainError(code, msg);
  return plainError(CALL_STATUSES[err.code] ?? 500, msg);
};
