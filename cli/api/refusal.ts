import { ApiErrorCode } from "../../shared/api/errors.ts";

/** An answer other than 200. */
export class ApiRefusal extends Error {
  override readonly name = "ApiRefusal";
  readonly status: number;
  readonly url: string;
  readonly body: unknown;
  /** A domain error that clients understand: 400 with exactly one entry whose code is known. */
  readonly known: { readonly code: ApiErrorCode; readonly msg: string } | undefined;

  constructor(status: number, url: string, body: unknown) {
    super(`Status code ${status} when requesting ${url}`);
    this.status = status;
    this.url = url;
    this.body = body;
    this.known = status === 400 ? domainErrorOf(body) : undefined;
  }
}

/** No answer at all, after several tries. */
export class Unreachable extends Error {
  override readonly name = "Unreachable";
  readonly url: string;
  /** In words for people, where it was looked into. */
  readonly reason: string | undefined;

  constructor(url: string, cause: unknown, reason?: string) {
    super(`Failed to connect to dstack server ${url}`, { cause });
    this.url = url;
    this.reason = reason;
  }
}

const domainErrorOf = (body: unknown): ApiRefusal["known"] => {
  const detail = (body as { detail?: unknown } | null)?.detail;
  if (!Array.isArray(detail) || detail.length !== 1) return undefined;
  const [{ code, msg }] = detail as [{ code?: unknown; msg?: unknown }];
  const known = ApiErrorCode.safeParse(code);
  return known.success && typeof msg === "string" ? { code: known.data, msg } : undefined;
};

/** The thing asked for is not there: 400 with this code, never 404 (docs/spec/http-api.md §1.4). */
export const isMissing = (err: unknown): boolean =>
  err instanceof ApiRefusal && err.known?.code === "resource_not_exists";

/** The server is not ours and has no such route (docs/spec/http-api.md §1.4). */
export const isUnknownRoute = (err: unknown): boolean =>
  err instanceof ApiRefusal && (err.status === 404 || err.status === 405);
