import { Backoff } from "../../shared/async/backoff.ts";
import { delay } from "../../shared/async/delay.ts";
import type { Inventory } from "../../shared/protocol/inventory.ts";
import type { Report, ReportRequest } from "../../shared/protocol/report.ts";
import type { SyncAnswer, SyncRequest } from "../../shared/protocol/sync.ts";
import { AGENT_BASE_PATH } from "../../shared/protocol/version.ts";
import { VERSION } from "../../shared/version.ts";
import { HttpConnection } from "./httpConnection.ts";

export interface LoadAgentOptions {
  port: number;
  token: string;
  inventory: Inventory;
  /** Whether jobs end as soon as they were confirmed, or go on. */
  endsJobs: () => boolean;
  /** How long a poll that nothing answers is to wait. */
  waitMs: () => number;
  /** A job was given to this host for the first time. */
  onStarted: (submissionId: string) => void;
  /** The coordinator has answered a sync that named the job: the claim is durable. */
  onConfirmed: (submissionId: string) => void;
  /** The coordinator knows that the job has ended: its host is free. */
  onEnded: (submissionId: string) => void;
}

/** Speaks the agent link as agent/link does, and only pretends to run jobs. */
export class LoadAgent {
  /** When it last had an answer, by performance.now(). */
  answeredAt = 0;
  /** How many answers it had to syncs. */
  answers = 0;
  /** What it was refused, if anything. */
  refused: string | undefined;
  readonly #options: LoadAgentOptions;
  readonly #sync: HttpConnection;
  readonly #reports: HttpConnection;
  readonly #session = crypto.randomUUID();
  readonly #held = new Map<string, "running" | "finished">();
  readonly #confirmed = new Set<string>();
  #sequence = 0;
  #seen: SyncRequest["seen"];
  #hasSentInventory = false;
  #isOver = false;
  #isPollingAnew = false;

  constructor(options: LoadAgentOptions) {
    this.#options = options;
    this.#sync = new HttpConnection(options.port, options.token);
    this.#reports = new HttpConnection(options.port, options.token);
  }

  get heldCount(): number {
    return this.#held.size;
  }

  /** Gives up the poll that waits, for another. */
  pollAnew(): void {
    this.#isPollingAnew = true;
    this.#sync.close();
  }

  async run(signal: AbortSignal): Promise<void> {
    const backoff = new Backoff();
    const close = () => {
      this.#isOver = true;
      this.#sync.close();
      this.#reports.close();
    };
    signal.addEventListener("abort", close);
    while (!signal.aborted) {
      try {
        await this.#poll();
        backoff.reset();
      } catch {
        if (this.#isPollingAnew) {
          this.#isPollingAnew = false;
          continue;
        }
        // The coordinator is away: the whole of it is told anew.
        this.#hasSentInventory = false;
        await delay(backoff.next(), signal);
      }
    }
  }

  async #poll(): Promise<void> {
    const held = [...this.#held].map(([submission_id, state]) => ({ submission_id, state }));
    const isUrgent = held.some((one) => !this.#confirmed.has(one.submission_id));
    const json: SyncRequest = {
      agent_version: VERSION,
      boot_id: "boot",
      session: this.#session,
      sequence: this.#sequence++,
      held,
      ...(this.#seen ? { seen: this.#seen } : {}),
      ...(this.#hasSentInventory ? {} : { inventory: this.#options.inventory }),
      wait_ms: isUrgent ? 0 : this.#options.waitMs(),
    };
    const answer = (await this.#post(this.#sync, "/sync", json)) as SyncAnswer;
    this.answeredAt = performance.now();
    this.answers++;
    this.#hasSentInventory = true;
    this.#seen = { epoch: answer.epoch, revision: answer.revision };
    for (const { submission_id: id } of held) if (!this.#confirmed.has(id)) this.#confirm(id);
    const wanted = new Set(answer.desired.map((one) => one.submission_id));
    for (const id of this.#held.keys()) if (!wanted.has(id)) this.#held.delete(id);
    for (const one of answer.desired) {
      const { submission_id: id } = one;
      if (one.action === "run" && one.assignment && !this.#held.has(id)) {
        this.#held.set(id, "running");
        this.#options.onStarted(id);
      } else if (one.action === "stop" && this.#held.get(id) === "running")
        this.#finish(id, "terminated_by_user");
    }
  }

  #confirm(id: string): void {
    this.#confirmed.add(id);
    this.#options.onConfirmed(id);
    if (this.#options.endsJobs()) this.#finish(id, "done_by_runner");
    else this.#report([{ state: "running" }], id);
  }

  #finish(id: string, reason: "done_by_runner" | "terminated_by_user"): void {
    this.#held.set(id, "finished");
    const exit_status = reason === "done_by_runner" ? 0 : null;
    const end = { state: "finished", reason, message: "", exit_status, log_bytes: 0 } as const;
    this.#report([{ state: "running" }, end], id, () => this.#options.onEnded(id));
  }

  #report(facts: Report["fact"][], id: string, then?: () => void): void {
    const reports = facts.map((fact, at) => ({
      submission_id: id,
      sequence: at + 1,
      at: Date.now(),
      fact,
    }));
    const json: ReportRequest = { session: this.#session, reports };
    this.#post(this.#reports, "/report", json).then(then, async () => {
      if (this.#isOver) return;
      await delay(1_000);
      this.#report(facts, id, then);
    });
  }

  async #post(connection: HttpConnection, path: string, json: unknown): Promise<unknown> {
    const { status, text } = await connection.post(`${AGENT_BASE_PATH}${path}`, json);
    if (status === 200) return JSON.parse(text);
    this.refused = `${path} answered ${status}: ${text}`;
    throw new Error(this.refused);
  }
}
