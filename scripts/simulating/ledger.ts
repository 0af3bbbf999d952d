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
  /** Which of all executions it was. */
  order: number;
  /** How long it was given to end by itself, each time that it was told to. */
  graces: number[];
  /** Told to end by an agent that did not know yet whether the job was its host's. */
  isDoubtful: boolean;
}

const isOverlapping = (one: Execution["share"], other: Execution["share"]): boolean =>
  one.isWhole || other.isWhole || one.gpuIds.some((id) => other.gpuIds.includes(id));

/** All executions of a simulation, on all hosts. */
export class Ledger {
  readonly #executions = new Map<string, Execution>();
  readonly #failedStarts = new Set<string>();
  readonly #onBug: (what: string) => void;
  /**
   * Hosts that somebody made two of: until that is noticed, what one of them has the other may be given, or may say
   * that it is over.
   */
  readonly #twins = new Map<string, string>();
  readonly #ofTwins = new Set<string>();

  constructor(onBug: (what: string) => void) {
    this.#onBug = onBug;
  }

  /** Two hosts of one instance. */
  noteTwins(instanceId: string, one: string, other: string): void {
    this.#twins.set(one, other).set(other, one);
    this.#ofTwins.add(instanceId);
  }

  /** What a job there came to cannot be told from what was said of it. */
  isOfTwins(instanceId: string | null): boolean {
    return instanceId !== null && this.#ofTwins.has(instanceId);
  }

  begin(assignment: Assignment, host: string, isEndless: boolean): Execution {
    const { submission_id: submissionId, run_id: run, replica_num: replica, job_num: num } = assignment;
    const job = `${run}/${replica}/${num}`;
    const earlier = this.#executions.get(submissionId);
    const isTwin = this.#twins.has(host);
    if (earlier && this.#twins.get(earlier.host) !== host)
      this.#onBug(`Submission ${submissionId} began twice, on ${earlier.host} and on ${host}`);
    for (const other of this.live())
      if (other.job === job && !isTwin && !this.#twins.has(other.host))
        this.#onBug(
          `${submissionId} began on ${host} while ${other.submissionId} of the same job runs on ${other.host}`,
        );
    const share = { isWhole: (assignment.cpus ?? null) === null, gpuIds: assignment.gpu_ids };
    for (const other of this.live())
      if (other.host === host && !isTwin && isOverlapping(other.share, share))
        this.#onBug(`${submissionId} began on ${host}, where ${other.submissionId} still runs`);
    const output = new Uint8Array();
    const execution: Execution = {
      submissionId,
      job,
      host,
      share,
      output,
      isEndless,
      end: undefined,
      isCutOff: false,
      order: this.#executions.size,
      graces: [],
      isDoubtful: false,
    };
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
