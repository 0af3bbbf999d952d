import { delay } from "../../shared/async/delay.ts";
import { AppError } from "../../shared/errors.ts";
import { clockReason } from "../../shared/tls/clockReason.ts";
import { RELEASE_HEADER } from "../../shared/version.ts";
import type { Connection } from "../settings/connection.ts";
import { type Answer, understand } from "./answer.ts";
import { ApiRefusal, Unreachable } from "./refusal.ts";

/** Three tries, a second apart, and only where no connection came about (docs/spec/http-api.md §1.1). */
const TRIES = 3;
const PAUSE_MS = 1_000;

export interface Api {
  readonly connection: Connection;
  /** `P` of docs/spec/http-api.md: the path of the project. */
  readonly project: string;
  /** Called with the release of a server that tells it. */
  readonly onRelease?: (release: string) => void;
}

export const createApi = (connection: Connection): Api => ({
  connection,
  project: `/api/project/${encodeURIComponent(connection.project)}`,
});

export interface RequestOptions {
  readonly signal?: AbortSignal;
  /** One try only: for what is watched and tried again by its caller. */
  readonly isSingleTry?: boolean;
  /** Over a connection of its own: one that was left over may be dead without anybody knowing. */
  readonly isFresh?: boolean;
}

/** Sends JSON (or nothing, for undefined) and gives back what came. */
export const post = async <T>(
  api: Api,
  { path, body, answer, ...options }: { path: string; body?: unknown; answer: Answer<T> } & RequestOptions,
): Promise<T> => {
  const response = await send(api, path, jsonBody(body), options);
  return understand(answer, await jsonOf(response), response.url);
};

/** For the one kind of thing that is asked for without a body. */
export const get = async <T>(
  api: Api,
  { path, answer, ...options }: { path: string; answer: Answer<T> } & RequestOptions,
): Promise<T> => {
  const response = await send(api, path, { method: "GET" }, options);
  return understand(answer, await jsonOf(response), response.url);
};

/** For routes that answer `null`. */
export const postForNothing = async (api: Api, path: string, body: unknown): Promise<void> => {
  const response = await send(api, path, jsonBody(body));
  await response.arrayBuffer();
};

/** An answer whose body is read as it comes. */
export const postForStream = (
  api: Api,
  path: string,
  body: unknown,
  options: Required<Pick<RequestOptions, "signal">> & Pick<RequestOptions, "isFresh">,
): Promise<Response> => send(api, path, jsonBody(body), { ...options, isSingleTry: true });

/** Sends bytes as they are. A line on which nothing arrives for `timeoutMs` is taken for dead. */
export const postBytes = async <T>(
  api: Api,
  {
    path,
    bytes,
    answer,
    timeoutMs,
  }: { path: string; bytes: Uint8Array<ArrayBuffer>; answer: Answer<T>; timeoutMs: number },
): Promise<T> => {
  const signal = AbortSignal.timeout(timeoutMs);
  const headers = { "content-type": "application/octet-stream" };
  try {
    const response = await send(api, path, { body: bytes, headers }, { signal, isSingleTry: true });
    return understand(answer, await jsonOf(response), response.url);
  } catch (err) {
    if (signal.aborted) throw new Unreachable(api.connection.url, err);
    throw err;
  }
};

/** Uploads one file under a name, as the stock client does, none of which has to be in memory. */
export const upload = async <T>(
  api: Api,
  {
    path,
    name,
    content,
    answer,
  }: { path: string; name: string; content: Iterable<Uint8Array>; answer: Answer<T> },
): Promise<T> => {
  const boundary = crypto.randomUUID();
  const pieces = formOf(content, { name, boundary });
  const body = new ReadableStream<Uint8Array>(
    {
      pull: (controller) => {
        const { done, value } = pieces.next();
        if (done) controller.close();
        else controller.enqueue(value);
      },
    },
    { highWaterMark: 0 },
  );
  const headers = { "content-type": `multipart/form-data; boundary=${boundary}` };
  // What was read once cannot be sent again.
  const response = await send(api, path, { body, headers }, { isSingleTry: true });
  return understand(answer, await jsonOf(response), response.url);
};

function* formOf(
  content: Iterable<Uint8Array>,
  { name, boundary }: { name: string; boundary: string },
): Generator<Uint8Array, void> {
  const utf8 = new TextEncoder();
  const disposition = `Content-Disposition: form-data; name="file"; filename="${name}"`;
  yield utf8.encode(`--${boundary}\r\n${disposition}\r\nContent-Type: application/octet-stream\r\n\r\n`);
  // What has been handed over may wait to be sent while the next piece is read.
  for (const piece of content) if (piece.length > 0) yield piece.slice();
  yield utf8.encode(`\r\n--${boundary}--\r\n`);
}

/** Who asks, and what they understand. */
export const authorization = ({ token, apiVersion }: Connection): Record<string, string> => ({
  authorization: `Bearer ${token}`,
  "x-api-version": apiVersion,
});

type Payload = Pick<RequestInit, "method" | "body" | "headers">;

const jsonBody = (body: unknown): Payload =>
  body === undefined ? {} : { body: JSON.stringify(body), headers: { "content-type": "application/json" } };

const send = async (
  api: Api,
  path: string,
  payload: Payload,
  options: RequestOptions = {},
): Promise<Response> => {
  const { url, unix } = addressOf(api.connection.url, path);
  const tries = options.isSingleTry ? 1 : TRIES;
  for (let attempt = 1; ; attempt++) {
    let response: Response;
    try {
      response = await fetch(url, {
        method: "POST",
        ...payload,
        headers: { ...payload.headers, ...authorization(api.connection) },
        // Runs are watched for as long as they last.
        timeout: false,
        ...(options.isFresh && { keepalive: false }),
        ...(unix !== undefined && { unix }),
        ...(api.connection.tls && { tls: api.connection.tls }),
        ...(options.signal && { signal: options.signal }),
      } as RequestInit);
    } catch (err) {
      if (options.signal?.aborted) throw err;
      if (attempt < tries && neverSent(err)) {
        await delay(PAUSE_MS, options.signal);
        continue;
      }
      throw await unreachable(api.connection.url, err);
    }
    const release = response.headers.get(RELEASE_HEADER);
    if (release !== null) api.onRelease?.(release);
    if (response.ok) return response;
    throw new ApiRefusal(response.status, url, await bodyOf(response));
  }
};

const unreachable = async (url: string, err: unknown): Promise<Unreachable> => {
  const code = String((err as { code?: unknown } | null)?.code);
  return new Unreachable(url, err, await clockReason(code, url, Date.now));
};

/** A request that may have arrived must not be sent twice: it might have submitted a run. */
const neverSent = (err: unknown): boolean => {
  const code = (err as { code?: unknown } | null)?.code;
  return (
    typeof code === "string" &&
    [
      "ConnectionRefused",
      "FailedToOpenSocket",
      "ECONNREFUSED",
      "ENOTFOUND",
      "EHOSTUNREACH",
      "ENETUNREACH",
    ].includes(code)
  );
};

/** `http+unix://<percent-encoded socket path>` reaches a server inside a run (docs/spec/cli.md §2). */
const addressOf = (base: string, path: string): { url: string; unix?: string } => {
  const socket = /^http\+unix:\/\/([^/]+)(.*)$/.exec(base);
  if (!socket) return { url: `${base}${path}` };
  return { url: `http://localhost${socket[2]}${path}`, unix: decodeURIComponent(socket[1] ?? "") };
};

const bodyOf = async (response: Response): Promise<unknown> => {
  const text = await response.text().catch(() => "");
  try {
    return JSON.parse(text);
  } catch {
    // Not from dstack: a proxy's page. The status says what there is to say.
    return undefined;
  }
};

const jsonOf = async (response: Response): Promise<unknown> => {
  try {
    return await response.json();
  } catch (err) {
    throw new AppError("unavailable", `The answer of ${response.url} is not JSON. Is this a dstack server?`, {
      cause: err,
    });
  }
};
