import type { JobEnd } from "../../agent/runtime/runtime.ts";
import type { Assignment } from "../../shared/protocol/assignment.ts";

/** What really happened to one submission on its host, whatever anybody was told. */
export interface Execution {
  submissionId: string;
  /** Run, replica and job: what must never be executed twice at once. */
  job: string;
  host: string;
  /** What of the host it was given; all of it, unless it has limits. */
  share: { isWhole: boolean; gpuIds: readonly string[] };
  output: Uint8Array;
  /** It would go on for ever. */
  isEndless: boolean;
  end: JobEnd | undefined;
  /** Ended by a host that was switched off. */
  isCutOff: boolean;
}

const isOverlapping = (one: Execution["share"], other: Execution["share"]): boolean =>
  one.isWhole || other.isWhole || one.gpuIds.some((id) => other.gpuIds.includes(id));

/** All executions of a simulation, on all hosts. */
export class Ledger {
  readonly #executions = new Map<string, Execution>();
  readonly #failedStarts = new Set<string>();
  readonly #onBug: (what: string) => void;

  constructor(onBug: (what: string) => void) {
    this.#onBug = onBug;
  }

  begin(assignment: Assignment, host: string, isEndless: boolean): Execution {
    const { submission_id: submissionId, run_id: run, replica_num: replica, job_num: num } = assignment;
    const job = `${run}/${replica}/${num}`;
    const earlier = this.#executions.get(submissionId);
    if (earlier) this.#onBug(`Submission ${submissionId} began twice, on ${earlier.host} and on ${host}`);
    for (const other of this.live())
      if (other.job === job)
        this.#onBug(
          `${submissionId} began on ${host} while ${other.submissionId} of the same job runs on ${other.host}`,
        );
    const share = { isWhole: (assignment.cpus ?? null) === null, gpuIds: assignment.gpu_ids };
    for (const other of this.live())
      if (other.host === host && isOverlapping(other.share, share))
        this.#onBug(`${submissionId} began on ${host}, where ${other.submissionId} still runs`);
    const output = new Uint8Array();
    const execution = { submissionId, job, host, share, output, isEndless, end: undefined, isCutOff: false };
    this.#executions.set(submissionId, execution);
    return execution;
  }

  failedToStart(submissionId: string): void {
    this.#failedStarts.add(submissionId);
  }

  hasFailedToStart(submissionId: string): boolean {
    return this.#failedStarts.has(submissionId);
  }

  find(submissionId: string): Execution | undefined {
    return this.#executions.get(submissionId);
  }

  get count(): number {
    return this.#executions.size;
  }

  live(): Execution[] {
    return [...this.#executions.values()].filter((execution) => !execution.end);
  }
}
