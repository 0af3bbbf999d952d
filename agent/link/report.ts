import { Backoff } from "../../shared/async/backoff.ts";
import { delay } from "../../shared/async/delay.ts";
import type { Logger } from "../../shared/log.ts";
import { type Report, ReportAnswer, type ReportRequest } from "../../shared/protocol/report.ts";
import type { Journal } from "../jobs/journal.ts";
import { callJson, codeOf, type LinkOptions } from "./client.ts";
import { Outage } from "./outage.ts";
import { Wake } from "./wake.ts";

const MAX_BATCH = 500;

export interface ReporterDeps {
  link: LinkOptions;
  journal: Journal;
  session: string;
  log: Logger;
  onAnswer: (report: Report, result: ReportAnswer["results"][number]["result"]) => void;
}

/** Sends what becomes of submissions, in order, until the coordinator has answered each; across restarts too. */
export class Reporter {
  readonly #deps: ReporterDeps;
  readonly #queue: Report[];
  readonly #due = new Wake();
  #batch = MAX_BATCH;

  constructor(deps: ReporterDeps) {
    this.#deps = deps;
    this.#queue = deps.journal.listReports();
  }

  /** To be sent at once, together with what waits already. The journal has it. */
  push(report: Report): void {
    // Of a pull only the newest figure is of interest.
    const last = this.#queue.findIndex(
      (one) => one.submission_id === report.submission_id && isProgress(one),
    );
    if (last > 0 && isProgress(report))
      this.#deps.journal.removeReport(this.#queue.splice(last, 1)[0] ?? report);
    this.#queue.push(report);
    this.#due.wake();
  }

  /** Nothing more of this submission is to be told. */
  forget(submissionId: string): void {
    for (let at = this.#queue.length - 1; at >= 0; at--) {
      if (this.#queue[at]?.submission_id === submissionId) this.#queue.splice(at, 1);
    }
  }

  /** The coordinator answers again: what failed is tried at once. */
  retry(): void {
    this.#due.wake();
  }

  /** One request at a time; resolves when the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const backoff = new Backoff();
    const outage = new Outage(this.#deps.log, "Cannot report to the coordinator; trying again");
    while (!signal.aborted) {
      if (this.#queue.length === 0) await this.#due.wait(signal);
      // Whatever else happens in the same moment goes with it.
      else await this.#send(signal, { backoff, outage });
    }
  }

  async #send(signal: AbortSignal, { backoff, outage }: { backoff: Backoff; outage: Outage }): Promise<void> {
    const { link, session, onAnswer } = this.#deps;
    const reports = this.#queue.slice(0, this.#batch);
    try {
      const json: ReportRequest = { session, reports };
      const { results } = await callJson(link, { path: "/report", json, signal }, ReportAnswer);
      backoff.reset();
      outage.over();
      this.#batch = MAX_BATCH;
      for (const [at, report] of reports.entries()) {
        this.#drop(report);
        onAnswer(report, results[at]?.result ?? "stale");
      }
    } catch (err) {
      if (signal.aborted) return;
      if (this.#isPoisoned(err, reports)) return;
      outage.failed(err);
      await this.#due.wait(signal, backoff.next());
      // A wake-up is a hint that it may work again, and no reason to hammer.
      await delay(50 * Math.random(), signal);
    }
  }

  /** One report that a coordinator cannot read must not hold up all others: it is found and left out. */
  #isPoisoned(err: unknown, reports: readonly Report[]): boolean {
    if (codeOf(err) !== "invalid" && codeOf(err) !== "too_large") return false;
    this.#batch = 1;
    const [only, ...others] = reports;
    if (!only || others.length > 0) return true;
    this.#deps.log.error("The coordinator cannot read a report; it is left out", { report: only, err });
    this.#drop(only);
    return true;
  }

  #drop(report: Report): void {
    this.#deps.journal.removeReport(report);
    const at = this.#queue.indexOf(report);
    if (at >= 0) this.#queue.splice(at, 1);
  }
}

const isProgress = ({ fact }: Report): boolean => fact.state === "pulling";
