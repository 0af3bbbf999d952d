import type { z } from "zod";
import { systemClock } from "../../shared/clock.ts";
import { AgentLogAnswer } from "../../shared/protocol/agentLog.ts";
import type { Assignment } from "../../shared/protocol/assignment.ts";
import { EnrollAnswer } from "../../shared/protocol/enroll.ts";
import type { Inventory } from "../../shared/protocol/inventory.ts";
import { LeaveAnswer } from "../../shared/protocol/leave.ts";
import { LogAnswer } from "../../shared/protocol/logs.ts";
import { MetricsAnswer, type UsageSample } from "../../shared/protocol/metrics.ts";
import { type Report, ReportAnswer } from "../../shared/protocol/report.ts";
import { type Desired, SyncAnswer, type SyncRequest } from "../../shared/protocol/sync.ts";
import { AGENT_BASE_PATH, AGENT_PROTOCOL, AGENT_PROTOCOL_HEADER } from "../../shared/protocol/version.ts";
import { Dialler, type DiallerOptions, tunnelUrl } from "../../shared/tunnel/dialler.ts";
import { anInventory } from "./anInstance.ts";
import type { TestCoordinator } from "./startTestCoordinator.ts";

type Held = "running" | "finished";

/** How a job of the `autopilot` goes. */
export interface Performance {
  output?: string;
  /** Left out: it runs until it is stopped. */
  exitStatus?: number;
}

/** A host that speaks the agent link over HTTP and only pretends to run jobs. */
export class TestAgent {
  readonly #url: string;
  readonly #credential: string;
  readonly #session = crypto.randomUUID();
  readonly #held = new Map<string, Held>();
  readonly #reported = new Map<string, number>();
  readonly #logged = new Map<string, number>();
  /** The wish of the last answer that it leaves. */
  lastLeave: SyncAnswer["leave"];
  /** What else its syncs say. */
  says: Partial<SyncRequest> = {};
  #seen: { epoch: string; revision: number } | undefined;
  #sequence = 0;
  #tunnel: Dialler | undefined;

  private constructor(url: string, credential: string) {
    this.#url = url;
    this.#credential = credential;
  }

  static async join(
    coordinator: Pick<TestCoordinator, "url" | "newJoinToken">,
    options: { fleet?: string; inventory?: Partial<Inventory>; token?: string } = {},
  ): Promise<TestAgent> {
    const token = options.token ?? (await coordinator.newJoinToken(options.fleet ?? "lab"));
    const body = {
      agent_version: "0.1.0",
      public_key: Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString("base64"),
      boot_id: "boot",
      inventory: anInventory({ runtime: "docker", ...options.inventory }),
      proof: { kind: "join", token },
    };
    const answer = await call(`${coordinator.url}${AGENT_BASE_PATH}/enroll`, { body, schema: EnrollAnswer });
    const agent = new TestAgent(coordinator.url, answer.credential.token);
    await agent.sync();
    return agent;
  }

  /** Waits up to `waitMs` for news; names what it holds. */
  async sync(waitMs = 0, signal?: AbortSignal): Promise<Desired[]> {
    const body = {
      agent_version: "0.1.0",
      boot_id: "boot",
      session: this.#session,
      sequence: this.#sequence++,
      held: [...this.#held].map(([submission_id, state]) => ({ submission_id, state })),
      ...(this.#seen ? { seen: this.#seen } : {}),
      wait_ms: waitMs,
      ...this.says,
    };
    const { epoch, revision, desired, tunnel, leave } = await this.#call("/sync", {
      body,
      schema: SyncAnswer,
      signal,
    });
    this.#seen = { epoch, revision };
    this.lastLeave = leave ?? undefined;
    if (tunnel) this.onTunnelWanted();
    return desired;
  }

  /** What it does when an answer says that a tunnel is wanted. */
  onTunnelWanted: () => void = () => {};

  /** Dials a tunnel, unless it has one, and lets `onStream` decide what becomes of each stream. */
  dialTunnel(onStream: DiallerOptions["onStream"]): Dialler {
    this.#tunnel ??= new Dialler({
      url: tunnelUrl(this.#url, `${AGENT_BASE_PATH}/tunnel`),
      headers: () => ({
        [AGENT_PROTOCOL_HEADER]: String(AGENT_PROTOCOL),
        authorization: `Bearer ${this.#credential}`,
      }),
      clock: systemClock,
      resumeMs: 5_000,
      onStream,
      onClosed: () => {
        this.#tunnel = undefined;
      },
    });
    return this.#tunnel;
  }

  /** The next job that the host is told to start; it counts as held from then on. */
  async take(): Promise<string> {
    for (;;) {
      for (const wish of await this.sync(1_000))
        if (wish.action === "run" && !this.#held.has(wish.submission_id)) {
          this.#held.set(wish.submission_id, "running");
          return wish.submission_id;
        }
    }
  }

  running(submissionId: string): Promise<void> {
    return this.#report(submissionId, { state: "running", working_dir: "/", username: "root" });
  }

  async log(submissionId: string, text: string): Promise<void> {
    const offset = this.#logged.get(submissionId) ?? 0;
    const query = new URLSearchParams({ offset: String(offset), at: String(Date.now()) });
    const { length } = await this.#call(`/logs/${submissionId}?${query}`, {
      body: new TextEncoder().encode(text),
      schema: LogAnswer,
    });
    this.#logged.set(submissionId, length);
  }

  /** Says what a job uses at each of these moments, milliseconds since 1970. */
  async use(samples: readonly UsageSample[]): Promise<void> {
    const body = { sent_at: Date.now(), samples };
    await this.#call("/metrics", { body, schema: MetricsAnswer });
  }

  async finished(
    submissionId: string,
    exitStatus: number | null,
    options: { logBytes?: number } = {},
  ): Promise<void> {
    this.#held.set(submissionId, "finished");
    await this.#report(submissionId, {
      state: "finished",
      reason: exitStatus === 0 ? "done_by_runner" : "container_exited_with_error",
      message: "",
      exit_status: exitStatus,
      log_bytes: options.logBytes ?? this.#logged.get(submissionId) ?? 0,
    });
    // The end of the log is known now: asking for what is held completes it.
    if (options.logBytes === undefined) await this.log(submissionId, "");
  }

  /** Says something about a job from its beginning; answers the length that is held. */
  async agentLog(submissionId: string, text: string): Promise<number> {
    const path = `/agent-logs/${submissionId}?offset=0`;
    const body = new TextEncoder().encode(text);
    return (await this.#call(path, { body, schema: AgentLogAnswer })).length;
  }

  /** Asks for a file archive or code, which only hosts get that have a job with it. */
  blob(sha256: string): Promise<Response> {
    const headers = {
      [AGENT_PROTOCOL_HEADER]: String(AGENT_PROTOCOL),
      authorization: `Bearer ${this.#credential}`,
    };
    return fetch(`${this.#url}${AGENT_BASE_PATH}/blobs/${sha256}`, { headers });
  }

  async leave(force: boolean): Promise<void> {
    await this.#call("/leave", { body: { force }, schema: LeaveAnswer });
  }

  /** Is there, and does nothing, until it is disposed. */
  stayThere(): AsyncDisposable {
    const stop = new AbortController();
    const syncing = (async () => {
      while (!stop.signal.aborted)
        await this.sync(5_000, stop.signal).catch((err: unknown) => {
          // A host that is removed is told so.
          if (!stop.signal.aborted && !String(err).includes("answered 401")) throw err;
          stop.abort();
        });
    })();
    return {
      [Symbol.asyncDispose]: async () => {
        stop.abort();
        await syncing;
      },
    };
  }

  /** Does what it is told until the signal aborts; `perform` says how each job goes. */
  async autopilot(perform: (assignment: Assignment) => Performance, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      let wishes: Desired[];
      try {
        wishes = await this.sync(1_000, signal);
      } catch (err) {
        if (signal.aborted) return;
        throw err;
      }
      for (const wish of wishes) await this.#obey(wish, perform);
    }
  }

  async #obey(wish: Desired, perform: (assignment: Assignment) => Performance): Promise<void> {
    const { submission_id: id, action } = wish;
    if (wish.action === "run" && wish.assignment && !this.#held.has(id)) {
      this.#held.set(id, "running");
      const { output = "", exitStatus } = perform(wish.assignment);
      await this.running(id);
      if (output !== "") await this.log(id, output);
      if (exitStatus !== undefined) await this.finished(id, exitStatus);
    } else if (action === "stop" && this.#held.get(id) !== "finished") await this.finished(id, null);
  }

  async #report(submissionId: string, fact: Report["fact"]): Promise<void> {
    const sequence = (this.#reported.get(submissionId) ?? 0) + 1;
    this.#reported.set(submissionId, sequence);
    const report = { submission_id: submissionId, sequence, at: Date.now(), fact };
    const body = { session: this.#session, reports: [report] };
    await this.#call("/report", { body, schema: ReportAnswer });
  }

  #call<S extends z.ZodType>(
    path: string,
    options: { body: unknown; schema: S; signal?: AbortSignal | undefined },
  ): Promise<z.output<S>> {
    return call(`${this.#url}${AGENT_BASE_PATH}${path}`, { ...options, token: this.#credential });
  }
}

const call = async <S extends z.ZodType>(
  url: string,
  {
    body,
    schema,
    token,
    signal,
  }: { body: unknown; schema: S; token?: string; signal?: AbortSignal | undefined },
): Promise<z.output<S>> => {
  const isBytes = body instanceof Uint8Array;
  const response = await fetch(url, {
    method: "POST",
    headers: {
      [AGENT_PROTOCOL_HEADER]: String(AGENT_PROTOCOL),
      "content-type": isBytes ? "application/octet-stream" : "application/json",
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    body: isBytes ? new Uint8Array(body) : JSON.stringify(body),
    ...(signal === undefined ? {} : { signal }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${text}`);
  return schema.parse(JSON.parse(text));
};
