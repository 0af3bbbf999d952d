import type { Assignment } from "../../shared/protocol/assignment.ts";
import type { EnrollAnswer } from "../../shared/protocol/enroll.ts";
import { EnrollRequest } from "../../shared/protocol/enroll.ts";
import { type MetricsAnswer, MetricsRequest } from "../../shared/protocol/metrics.ts";
import type { Report } from "../../shared/protocol/report.ts";
import { ReportRequest } from "../../shared/protocol/report.ts";
import type { Desired, HeldSubmission, SyncAnswer } from "../../shared/protocol/sync.ts";
import { SyncRequest } from "../../shared/protocol/sync.ts";
import { AGENT_BASE_PATH, AGENT_PROTOCOL, AGENT_PROTOCOL_HEADER } from "../../shared/protocol/version.ts";

/** What the coordinator knows of one submission. */
export interface FakeSubmission {
  assignment: Assignment;
  /** `drop`: no longer in the desired set. */
  wanted: "run" | "drop" | { graceMs: number };
  reports: Report[];
  log: Buffer;
  /** All output is there, and its hash was told. */
  isComplete: boolean;
}

/** Faults to be played; each is read anew at every request. */
export interface Faults {
  /** Status to answer everything with, as a broken proxy would. */
  status?: number;
  /** The credential is no longer good. */
  isRevoked?: boolean;
  isFenced?: boolean;
  /** Called with every log body before it is stored; may shorten what is held, or throw to lose the answer. */
  onLog?: (submission: FakeSubmission) => void;
  /** The call for metrics is not known yet, or refuses everything. */
  onMetrics?: "not_found" | "invalid";
}

/** A coordinator's side of the agent link over real HTTP, in memory, with faults on demand. For tests. */
export class FakeCoordinator implements AsyncDisposable {
  readonly submissions = new Map<string, FakeSubmission>();
  readonly blobs = new Map<string, Uint8Array<ArrayBuffer>>();
  readonly enrolled: EnrollRequest[] = [];
  readonly syncs: SyncRequest[] = [];
  readonly metrics: MetricsRequest[] = [];
  /** Paths of all that was asked, refused or not. */
  readonly requests: string[] = [];
  faults: Faults = {};
  pace: MetricsAnswer = { interval_ms: 20, idle_interval_ms: 20 };
  held: readonly HeldSubmission[] = [];
  /** The host has said that it leaves. */
  hasLeft = false;
  readonly #epoch = crypto.randomUUID();
  #revision = 1;
  #parked = new Set<() => void>();
  #server = this.#serve(0);
  readonly #port = this.#server.port;

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  assign(assignment: Assignment, wanted: FakeSubmission["wanted"] = "run"): FakeSubmission {
    const submission: FakeSubmission = {
      assignment,
      wanted,
      reports: [],
      log: Buffer.alloc(0),
      isComplete: false,
    };
    this.submissions.set(assignment.submission_id, submission);
    this.wake();
    return submission;
  }

  stop(submission: FakeSubmission, graceMs: number): void {
    submission.wanted = { graceMs };
    this.wake();
  }

  drop(submission: FakeSubmission): void {
    submission.wanted = "drop";
    this.wake();
  }

  /** Something wanted has changed. */
  wake(): void {
    this.#revision++;
    for (const resume of this.#parked) resume();
  }

  /** The process is gone: nothing listens until `up`. */
  async down(): Promise<void> {
    await this.#server.stop(true);
  }

  up(): void {
    this.#server = this.#serve(this.#port ?? 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.stop(true);
  }

  #serve(port: number) {
    return Bun.serve({
      port,
      hostname: "127.0.0.1",
      idleTimeout: 0,
      fetch: (request) => this.#answer(request),
    });
  }

  async #answer(request: Request): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    const path = pathname.slice(AGENT_BASE_PATH.length);
    this.requests.push(path);
    const { status, isRevoked, isFenced } = this.faults;
    if (request.headers.get(AGENT_PROTOCOL_HEADER) !== String(AGENT_PROTOCOL))
      return refuse(400, "unsupported");
    if (status !== undefined) return new Response("<html>Bad gateway</html>", { status });
    if (path === "/enroll") return this.#enroll(EnrollRequest.parse(await request.json()));
    if (isRevoked || request.headers.get("authorization") !== `Bearer token-${this.enrolled.length}`)
      return refuse(401, "unauthenticated");
    if (isFenced) return refuse(409, "fenced");
    if (path === "/sync") return this.#sync(SyncRequest.parse(await request.json()), request.signal);
    if (path === "/leave") {
      if ([...this.submissions.values()].some(({ isComplete }) => !isComplete))
        return refuse(409, "conflict");
      this.hasLeft = true;
      return Response.json({});
    }
    if (path === "/report") return this.#report(ReportRequest.parse(await request.json()));
    if (path === "/metrics") return this.#metrics(MetricsRequest.parse(await request.json()));
    const [, kind, name = ""] = path.split("/");
    if (kind === "blobs") {
      const blob = this.blobs.get(name);
      return blob ? new Response(blob) : refuse(404, "not_found");
    }
    return this.#log(name, Number(searchParams.get("offset")), Buffer.from(await request.arrayBuffer()));
  }

  #enroll(request: EnrollRequest): Response {
    if (request.proof.kind === "join" && request.proof.token !== "join-me")
      return refuse(401, "unauthenticated");
    this.enrolled.push(request);
    const credential = { token: `token-${this.enrolled.length}`, expires_at: Date.now() + 3_600_000 };
    const answer: EnrollAnswer = {
      instance_id: "i-1",
      instance_name: "fleet-0",
      fleet_name: "fleet",
      project_name: "main",
      credential,
    };
    return Response.json(answer);
  }

  async #sync(request: SyncRequest, signal: AbortSignal): Promise<Response> {
    this.syncs.push(request);
    this.held = request.held;
    const { seen } = request;
    if (seen?.epoch === this.#epoch && seen.revision === this.#revision && request.wait_ms > 0) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#parked.add(resolve);
      const timer = setTimeout(resolve, request.wait_ms);
      signal.addEventListener("abort", () => resolve(), { once: true });
      await promise;
      clearTimeout(timer);
      this.#parked.delete(resolve);
    }
    const held = new Set(request.held.map((one) => one.submission_id));
    const answer: SyncAnswer = {
      epoch: this.#epoch,
      revision: this.#revision,
      desired: [...this.submissions.values()].flatMap((one) => desiredOf(one, held)),
      wait_ms: 45_000,
      lease_ttl_ms: 90_000,
    };
    return Response.json(answer);
  }

  #report({ reports }: ReportRequest): Response {
    const results = reports.map((report) => {
      const submission = this.submissions.get(report.submission_id);
      const last = submission?.reports.at(-1)?.sequence ?? 0;
      const result = !submission ? "fenced" : report.sequence <= last ? "stale" : "applied";
      if (result === "applied") submission?.reports.push(report);
      return { submission_id: report.submission_id, result };
    });
    return Response.json({ results });
  }

  #metrics(request: MetricsRequest): Response {
    const { onMetrics } = this.faults;
    if (onMetrics) return refuse(onMetrics === "not_found" ? 404 : 400, onMetrics);
    this.metrics.push(request);
    return Response.json(this.pace);
  }

  #log(id: string, offset: number, bytes: Buffer): Response {
    const submission = this.submissions.get(id);
    if (!submission) return refuse(409, "fenced");
    if (offset <= submission.log.length && offset + bytes.length > submission.log.length)
      submission.log = Buffer.concat([submission.log.subarray(0, offset), bytes]);
    this.faults.onLog?.(submission);
    const end = submission.reports.at(-1)?.fact;
    const { length } = submission.log;
    if (end?.state !== "finished" || length < end.log_bytes) return Response.json({ length });
    submission.isComplete = true;
    return Response.json({
      length,
      sha256: new Bun.CryptoHasher("sha256").update(submission.log).digest("hex"),
    });
  }
}

const desiredOf = (submission: FakeSubmission, held: ReadonlySet<string>): Desired[] => {
  const { assignment, wanted, reports } = submission;
  const id = { submission_id: assignment.submission_id };
  if (wanted === "drop") return [];
  if (reports.at(-1)?.fact.state === "finished")
    return submission.isComplete ? [] : [{ action: "keep", ...id }];
  if (wanted !== "run") return [{ action: "stop", ...id, grace_ms: wanted.graceMs }];
  return [{ action: "run", ...id, ...(held.has(id.submission_id) ? {} : { assignment }) }];
};

const refuse = (status: number, code: string): Response =>
  Response.json({ error: { code, message: `Refused: ${code}` } }, { status });
