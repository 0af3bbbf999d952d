import { appendFileSync, existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { delay } from "../../shared/async/delay.ts";
import type { LogRecord } from "../../shared/log.ts";
import { MAX_AGENT_LOG_BYTES } from "../../shared/protocol/agentLog.ts";

export interface AgentLogsDeps {
  /** Folder of the jobs' folders. */
  jobsDir: string;
  /** Sends what begins at the offset; answers the length that is held there, undefined: nothing more is wanted. */
  send: (submissionId: string, offset: number, bytes: Uint8Array) => Promise<number | undefined>;
}

/** What went wrong is wanted at once, the rest with less hurry: most jobs are over before anyone asks. */
const SOON_MS = 500;
const LATER_MS = 5_000;
/** How long the end of a job may wait for it. */
const FLUSH_MS = 2_000;

interface Pending {
  sent: number;
  timer: ReturnType<typeof setTimeout> | undefined;
  sending: Promise<void> | undefined;
  /** Something went wrong: its owner will want to read about it even when the job is gone. */
  isWanted: boolean;
}

/**
 * What the agent has to say about each job, apart from the job's own output: a bounded file in the job's folder, and a
 * copy at the coordinator for `dstack logs --diagnose`. Losing some of it costs nothing else.
 */
export class AgentLogs {
  readonly #deps: AgentLogsDeps;
  readonly #pending = new Map<string, Pending>();

  constructor(deps: AgentLogsDeps) {
    this.#deps = deps;
  }

  /** Keeps a line that names a submission; any other is none of a job's. */
  note({ level, message, fields: { submission_id: id, run: _, ...fields } }: LogRecord): void {
    if (typeof id !== "string" || level === "debug") return;
    const path = this.#path(id);
    // Without a folder there is no job any more.
    if (!existsSync(join(path, ".."))) return;
    if ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) >= MAX_AGENT_LOG_BYTES) return;
    try {
      appendFileSync(path, lineOf(level, message, fields), { mode: 0o600 });
    } catch {
      // A full disk is told of where it stops something; this file stops nothing.
      return;
    }
    const pending = this.#pending.get(id) ?? {
      sent: 0,
      timer: undefined,
      sending: undefined,
      isWanted: false,
    };
    this.#pending.set(id, pending);
    const isUrgent = level !== "info";
    if (isUrgent && !pending.isWanted) clearTimeout(pending.timer);
    if (isUrgent && !pending.isWanted) pending.timer = undefined;
    pending.isWanted ||= isUrgent;
    pending.timer ??= setTimeout(() => void this.#send(id, pending), isUrgent ? SOON_MS : LATER_MS);
  }

  /** Before a job is forgotten: sends what is left of one that did not go well, but waits for it only so long. */
  async flush(id: string): Promise<void> {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    if (!pending) return;
    clearTimeout(pending.timer);
    const giveUp = new AbortController();
    if (pending.isWanted) await Promise.race([this.#send(id, pending), delay(FLUSH_MS, giveUp.signal)]);
    giveUp.abort();
  }

  /** Sends nothing more. */
  close(): void {
    for (const { timer } of this.#pending.values()) clearTimeout(timer);
    this.#pending.clear();
  }

  #send(id: string, pending: Pending): Promise<void> {
    pending.timer = undefined;
    pending.sending = (pending.sending ?? Promise.resolve()).then(async () => {
      const path = this.#path(id);
      if (!existsSync(path)) return;
      const bytes = readFileSync(path).subarray(pending.sent, MAX_AGENT_LOG_BYTES);
      if (bytes.length === 0) return;
      pending.sent = (await this.#deps.send(id, pending.sent, bytes)) ?? Number.POSITIVE_INFINITY;
    });
    return pending.sending;
  }

  #path(id: string): string {
    return join(this.#deps.jobsDir, id, "agent.log");
  }
}

const lineOf = (level: string, message: string, fields: Record<string, unknown>): string => {
  const shown = Object.entries(fields).map(([key, value]) => {
    const text = value instanceof Error ? value.message : value;
    return ` ${key}=${typeof text === "string" ? text : JSON.stringify(text)}`;
  });
  return `${new Date().toISOString()} ${level.toUpperCase().padEnd(5)} ${message}${shown.join("")}\n`;
};
