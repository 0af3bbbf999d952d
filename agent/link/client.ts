import type { z } from "zod";
import { AppError, type AppErrorCode, messageOf } from "../../shared/errors.ts";
import { AgentError } from "../../shared/protocol/error.ts";
import { AGENT_BASE_PATH, AGENT_PROTOCOL, AGENT_PROTOCOL_HEADER } from "../../shared/protocol/version.ts";
import { clockReason } from "../../shared/tls/clockReason.ts";
import { isUnknownAuthority, tlsReason } from "../../shared/tls/reason.ts";
import type { LinkTls } from "./trust.ts";

export interface LinkOptions {
  /** The coordinator's base URL. */
  url: string;
  /** The credential, read anew for each request; undefined: none yet. */
  token: () => string | undefined;
  /** By which authorities the coordinator is known, read anew for each request; absent: by those of the system. */
  tls?: () => LinkTls;
}

export interface LinkRequest {
  path: string;
  /** Absent: GET. */
  json?: unknown;
  bytes?: Uint8Array<ArrayBuffer>;
  signal: AbortSignal;
  timeoutMs?: number;
  /** Of what is asked for the bytes from there on, if the coordinator can (it answers 206). */
  from?: number;
}

const TIMEOUT_MS = 30_000;

/** The codes that a coordinator may answer with and that the agent decides on; others are bugs over there. */
const CODES: ReadonlySet<string> = new Set<AppErrorCode>([
  "invalid",
  "not_found",
  "conflict",
  "unauthenticated",
  "forbidden",
  "too_large",
  "fenced",
  "unavailable",
  "unsupported",
]);

/**
 * One request on the agent link. Rejects with an AppError: the coordinator's own code, or `unavailable` for all that
 * may go away by itself. `fetch` takes proxies from the environment (HTTPS_PROXY, HTTP_PROXY, NO_PROXY).
 */
export const call = async (link: LinkOptions, request: LinkRequest): Promise<Response> => {
  const { path, json, bytes, signal, timeoutMs = TIMEOUT_MS, from = 0 } = request;
  const token = link.token();
  const type = bytes ? "application/octet-stream" : "application/json";
  const body = bytes ?? (json === undefined ? undefined : JSON.stringify(json));
  const tls = link.tls?.();
  let answer: Response;
  try {
    answer = await fetch(`${link.url}${AGENT_BASE_PATH}${path}`, {
      method: body === undefined ? "GET" : "POST",
      headers: {
        [AGENT_PROTOCOL_HEADER]: String(AGENT_PROTOCOL),
        ...(body === undefined ? {} : { "content-type": type }),
        ...(from === 0 ? {} : { range: `bytes=${from}-` }),
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
      ...(body === undefined ? {} : { body }),
      ...(tls ? { tls } : {}),
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
    });
    if (answer.ok) return answer;
  } catch (cause) {
    throw await unreachable(link.url, cause, timeoutMs);
  }
  throw await refusal(answer);
};

/** The same for an answer in JSON. */
export const callJson = async <S extends z.ZodType>(
  link: LinkOptions,
  request: LinkRequest,
  schema: S,
): Promise<z.output<S>> => {
  const answer = await call(link, request);
  try {
    return schema.parse(await answer.json());
  } catch (cause) {
    throw new AppError(
      "unavailable",
      `${link.url} does not answer as a coordinator does: ${messageOf(cause)}`,
      { cause },
    );
  }
};

/** Bun's own words for these are hints to programmers. */
const REASONS: Record<string, string> = {
  ECONNREFUSED: "nothing listens there",
  ConnectionRefused: "nothing listens there",
  ECONNRESET: "the connection was closed",
  ConnectionClosed: "the connection was closed",
  EHOSTUNREACH: "there is no way to it in the network",
  ENETUNREACH: "there is no way to it in the network",
  ENOTFOUND: "its name is not known",
  FailedToOpenSocket: "its name is not known, or there is no network",
};

/** What a host can do where the coordinator may have become another, or have gone elsewhere. */
const MOVED =
  "If it has another address now, or was set up anew, run the join line of a new token of it on this host (dstack fleet token create): the host keeps its key, and with the same coordinator its name and history";

const HINTS: Record<string, string> = {
  ERR_TLS_CERT_ALTNAME_INVALID: `Have its certificate made for this name, too. ${MOVED}`,
  ENOTFOUND: MOVED,
  FailedToOpenSocket: MOVED,
};

const unreachable = async (url: string, cause: unknown, timeoutMs: number): Promise<AppError> => {
  const { name, code: given } = (cause ?? {}) as { name?: unknown; code?: unknown };
  const code = String(given);
  const why =
    name === "TimeoutError"
      ? `no answer within ${timeoutMs / 1000} s`
      : (REASONS[code] ??
        (await clockReason(code, url, Date.now)) ??
        tlsReason(code, Date.now()) ??
        messageOf(cause));
  const hint = isUnknownAuthority(code) ? `${MOVED}. An authority of your own: --ca-file FILE` : HINTS[code];
  return new AppError("unavailable", `Cannot reach the coordinator at ${url}: ${why}`, {
    cause,
    ...(hint === undefined ? {} : { hint }),
  });
};

const refusal = async (answer: Response): Promise<AppError> => {
  const text = await answer.text().catch(() => "");
  const parsed = AgentError.safeParse(parseJson(text));
  if (!parsed.success)
    return new AppError(
      "unavailable",
      `The coordinator answers with status ${answer.status}: ${text.slice(0, 200)}`,
    );
  const { code, message } = parsed.data.error;
  return new AppError(CODES.has(code) ? (code as AppErrorCode) : "unavailable", message);
};

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

export const codeOf = (err: unknown): AppErrorCode | undefined =>
  err instanceof AppError ? err.code : undefined;

/** What the system or the library called it that made the call fail; undefined: nothing. */
export const causeOf = (err: unknown): unknown =>
  err instanceof AppError ? (err.cause as { code?: unknown } | null | undefined)?.code : undefined;
