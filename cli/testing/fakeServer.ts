import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { LOG_OFFSET_HEADER } from "../../shared/api/logs.ts";
import type { Run } from "../../shared/api/runs.ts";
import { aPlan, aRun, SUBMISSION_ID } from "./builders.ts";

/** Yielded where the connection breaks. */
const CUT = Symbol("cut");

/**
 * A server with one run, for what a real one cannot be asked for: connections that break where a test wants it, and
 * servers that lack the newer calls. Everything else is tested against the real one.
 */
export interface FakeServer extends AsyncDisposable {
  readonly url: string;
  /** Of each request: path and body. */
  readonly requests: { readonly path: string; readonly body: unknown }[];
  /** What the run is from now on. */
  become(status: Run["status"], exitStatus?: number): void;
  /** Ends the attempt there is, which failed, and begins another one, whose output is empty. */
  retry(): void;
  /** Adds to the run's output. */
  log(text: string): void;
}

interface Faults {
  /** Bytes of output after which a connection breaks, one number per connection; the rest are sound. */
  readonly logCuts?: readonly number[];
  /** The same for the lines of watched runs. */
  readonly watchCuts?: readonly number[];
  /** A stock server: no streams. */
  readonly isStock?: boolean;
  /** The output always begins at its first byte, whatever was asked for. */
  readonly ignoresOffset?: boolean;
  /** Instead of every other answer, from the moment the run runs. */
  readonly refuseWatching?: number;
}

interface LogsBody {
  readonly job_submission_id: string;
  readonly offset?: number;
  readonly next_token?: string | null;
}

export const startFakeServer = (faults: Faults = {}): FakeServer => {
  const requests: FakeServer["requests"] = [];
  const logCuts = [...(faults.logCuts ?? [])];
  const watchCuts = [...(faults.watchCuts ?? [])];
  let run = aRun("submitted");
  const events: string[] = [];
  let submission = SUBMISSION_ID;
  const outputs = new Map<string, Uint8Array>();
  let changed = Promise.withResolvers<void>();
  const change = () => {
    changed.resolve();
    changed = Promise.withResolvers();
  };
  const isOver = () => ["done", "failed", "terminated"].includes(run.status);
  const outputOf = (id: string) => outputs.get(id) ?? new Uint8Array();

  /** Attempts that have failed. */
  const earlier: Submission[] = [];
  const withEarlier = (latest: Run): Run => ({
    ...latest,
    jobs: latest.jobs.map((job) => ({ ...job, job_submissions: [...earlier, ...job.job_submissions] })),
  });

  const watch = async function* () {
    let left = watchCuts.shift() ?? Number.POSITIVE_INFINITY;
    let shown: Run | undefined;
    for (;;) {
      if (shown !== run) {
        if (left-- <= 0) yield CUT;
        shown = run;
        yield `${JSON.stringify(run)}\n`;
      }
      if (isOver()) return;
      await changed.promise;
    }
  };
  const stream = async function* (id: string, offset: number) {
    let left = logCuts.shift() ?? Number.POSITIVE_INFINITY;
    let at = offset;
    for (;;) {
      const output = outputOf(id);
      const piece = output.subarray(at, at + Math.min(left, output.length - at));
      if (piece.length > 0) yield piece;
      at += piece.length;
      left -= piece.length;
      if (left <= 0) yield CUT;
      if (isOver() || id !== submission) return;
      await changed.promise;
    }
  };

  const answer = (path: string, body: LogsBody): Answer => {
    if (path === "/api/users/get_my_user")
      return { body: { ssh_public_key: "ssh-rsa AAAA ada\n", ssh_private_key: "a private key\n" } };
    if (path.endsWith("/runs/get_plan")) return { body: aPlan() };
    if (path.endsWith("/runs/apply") || path.endsWith("/runs/get")) return { body: run };
    if (path.endsWith("/runs/watch") && !faults.isStock) {
      const status = faults.refuseWatching;
      return status ? { status, body: { detail: { msg: "No", code: null } } } : { parts: watch() };
    }
    if (path.endsWith("/logs/stream") && !faults.isStock) {
      const offset = faults.ignoresOffset ? 0 : (body.offset ?? 0);
      return {
        parts: stream(body.job_submission_id, offset),
        headers: { [LOG_OFFSET_HEADER]: String(offset) },
      };
    }
    if (path.endsWith("/logs/poll")) return { body: pageOf(events, body.next_token ?? null) };
    return { status: 405, body: { detail: "Method Not Allowed" } };
  };

  const server = createServer((request, response) => {
    void (async () => {
      const path = request.url ?? "";
      const body = JSON.parse((await request.toArray()).join("") || "null");
      requests.push({ path, body });
      await send(response, answer(path, body));
    })();
  });
  server.listen(0, "127.0.0.1");
  return {
    get url() {
      return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    },
    requests,
    become: (status, exitStatus) => {
      run = withEarlier(aRun(status, exitStatus, { id: submission, submission_num: earlier.length }));
      change();
    },
    retry: () => {
      earlier.push(...submissionsOf(aRun("failed", 1, { id: submission, submission_num: earlier.length })));
      submission = crypto.randomUUID();
      run = withEarlier(aRun("submitted", undefined, { id: submission, submission_num: earlier.length }));
      change();
    },
    log: (text) => {
      events.push(text);
      outputs.set(submission, new Uint8Array([...outputOf(submission), ...new TextEncoder().encode(text)]));
      change();
    },
    [Symbol.asyncDispose]: async () => {
      change();
      server.closeAllConnections();
      server.close();
    },
  };
};

type Submission = Run["jobs"][number]["job_submissions"][number];

const submissionsOf = (run: Run): Submission[] => run.jobs.flatMap((job) => job.job_submissions);

interface Answer {
  readonly status?: number;
  readonly headers?: Record<string, string>;
  readonly body?: unknown;
  readonly parts?: AsyncGenerator<string | Uint8Array | typeof CUT>;
}

const send = async (
  response: ServerResponse,
  { status = 200, headers, body, parts }: Answer,
): Promise<void> => {
  if (!parts) {
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
    return;
  }
  response.writeHead(status, headers).flushHeaders();
  for await (const part of parts) {
    if (part === CUT) return void response.destroy();
    await new Promise<void>((resolve) => response.write(part, () => resolve()));
  }
  response.end();
};

const EVENTS_A_PAGE = 2;

const pageOf = (events: readonly string[], token: string | null) => {
  const from = Number(token ?? 0);
  const logs = events.slice(from, from + EVENTS_A_PAGE).map((text) => ({
    timestamp: "2026-01-01T00:00:00.000000Z",
    log_source: "stdout",
    message: Buffer.from(text).toString("base64"),
  }));
  const next = from + EVENTS_A_PAGE;
  return { logs, external_url: null, next_token: next < events.length ? String(next) : null };
};
