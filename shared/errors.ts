/**
 * What a caller can act on. Everything else that is thrown is a bug: logged with its cause, shown as `internal`.
 * The codes are closed; each boundary (HTTP, CLI) maps them once.
 */
export type AppErrorCode =
  | "invalid" // the request or configuration is wrong; nothing was changed
  | "not_found"
  | "repo_not_found" // the repository was never initialised in the project
  | "no_backend" // of this type there is none in the project
  | "exists"
  | "conflict" // the thing is in a state that does not allow it
  | "unauthenticated"
  | "forbidden"
  | "too_large"
  | "fenced" // whoever calls is no longer entitled to what it reports on
  | "unavailable" // try again later: the other side is not there
  | "unsupported"; // valid, but this installation cannot do it (yet)

/** An error for people: says what was wrong, with the value, and (in `hint`) what to do. */
export class AppError extends Error {
  readonly code: AppErrorCode;
  readonly hint: string | undefined;

  constructor(code: AppErrorCode, message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.name = "AppError";
    this.code = code;
    this.hint = options.hint;
  }
}

/** The text of anything thrown, for logs and for messages that quote a lower layer. */
export const messageOf = (err: unknown): string => (err instanceof Error ? err.message : String(err));
