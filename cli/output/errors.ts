import { inspect } from "node:util";
import { ConfigurationError, type Part } from "../../shared/config/problems.ts";
import { AppError, messageOf } from "../../shared/errors.ts";
import { isUnknownAuthority, tlsReason } from "../../shared/tls/reason.ts";
import { ApiRefusal, Unreachable } from "../api/refusal.ts";
import type { Context, Output } from "../context.ts";
import { Interrupted } from "../process/interruptible.ts";
import { HOW_TO_TRUST } from "../settings/authorities.ts";
import { endLive } from "./live.ts";
import { printMessage } from "./message.ts";
import { Cancelled, NoAnswer } from "./prompt.ts";
import { type Style, styled } from "./style.ts";

/** The only place where something thrown becomes text and an exit code (docs/spec/cli.md §9). Never a trace. */
export const printError = (ctx: Context, err: unknown): number => {
  endLive(ctx.out);
  if (err instanceof Interrupted) {
    printMessage(ctx.out, err.message);
    return 0;
  }
  // Not wrapped: marks stand under what they mark.
  if (err instanceof ConfigurationError) ctx.out.write(`${err.format(painter(ctx.out))}\n`);
  else for (const line of linesOf(err)) printMessage(ctx.out, line);
  ctx.log("ERROR", inspect(err));
  if (ctx.env["DSTACK_CLI_LOG_LEVEL"]?.toUpperCase() === "DEBUG") ctx.err.write(`${inspect(err)}\n`);
  return 1;
};

const STYLES = { place: "bold", gutter: "blue", mark: "red" } as const satisfies Record<Part, Style>;

/** Colours for the parts of a configuration's mistakes, where they are wanted. */
export const painter =
  (out: Output) =>
  (text: string, part: Part): string =>
    styled(out, text, STYLES[part]);

const linesOf = (err: unknown): string[] => {
  if (err instanceof ApiRefusal) return refusalLines(err);
  if (err instanceof Unreachable)
    return [`Failed to connect to dstack server ${err.url}`, ...whyUnreachable(err)];
  if (err instanceof AppError) return err.hint === undefined ? [err.message] : [err.message, err.hint];
  if (err instanceof Cancelled || err instanceof NoAnswer) return [err.message];
  // The system said no: a folder that may not be read, a disk that is full.
  if (isSystemError(err)) return [err.message];
  return [
    `Internal error: ${messageOf(err)}`,
    "This is a bug of dstack. Run the command again with DSTACK_CLI_LOG_LEVEL=DEBUG to see where it happened",
  ];
};

const HINTS: Record<string, string> = {
  ERR_TLS_CERT_ALTNAME_INVALID:
    "If the server has another address now: dstack project add --name PROJECT --url URL --token TOKEN. Otherwise have its certificate made for this name, too",
};

const whyUnreachable = ({ cause, reason: found }: Unreachable): string[] => {
  if (isRefused(cause)) return ["Nothing answers there: is the server running?"];
  const code = String((cause as { code?: unknown } | null | undefined)?.code);
  const reason = found ?? tlsReason(code, Date.now());
  if (reason === undefined) return [messageOf(cause)];
  const sentence = `${reason.charAt(0).toUpperCase()}${reason.slice(1)}`;
  const hint = isUnknownAuthority(code) ? HOW_TO_TRUST : HINTS[code];
  return hint === undefined ? [sentence] : [sentence, hint];
};

const isRefused = (cause: unknown): boolean =>
  cause instanceof Error && "code" in cause && cause.code === "ConnectionRefused";

const isSystemError = (err: unknown): err is Error =>
  err instanceof Error && "syscall" in err && "code" in err && typeof err.code === "string";

const refusalLines = ({ status, url, body, known }: ApiRefusal): string[] => {
  if (known) return [known.msg];
  if (status === 403) return [`Access to ${url} is denied. Please check your access token`];
  if (status === 404 || status === 405) {
    const project = status === 404 ? projectIn(url) : undefined;
    const reason = project === undefined ? [] : [`Project ${project} not found on the server`];
    return [`Status code ${status} when requesting ${url}`, ...reason];
  }
  if (status === 422) return ["Server validation error:", JSON.stringify(body, undefined, 2)];
  const said = textOf(body);
  return [
    `Unexpected error: status code ${status} when requesting ${url}. Check the server logs for the reason`,
    ...(said === undefined ? [] : [`The server says: ${said}`]),
  ];
};

/** The server answers 404 for nothing but an unknown route and an unknown project (docs/spec/http-api.md §1.4). */
const projectIn = (url: string): string | undefined => {
  const name = /\/api\/projects?\/([^/]+)\//.exec(url)?.[1];
  return name === undefined ? undefined : decodeURIComponent(name);
};

/** `detail` is a text, an object with `msg`, or a list of such (docs/spec/http-api.md §1.4). */
const textOf = (body: unknown): string | undefined => {
  const detail = (body as { detail?: unknown } | null | undefined)?.detail;
  const first: unknown = Array.isArray(detail) ? detail[0] : detail;
  const said = typeof first === "string" ? first : (first as { msg?: unknown } | null | undefined)?.msg;
  return typeof said === "string" && said !== "" ? said : undefined;
};
