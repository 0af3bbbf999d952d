import type { HostShare } from "../../shared/resources/blocks.ts";
import type { InstanceStatus, JobStatus, RunStatus } from "../../shared/states.ts";
import type { SimCoordinator } from "./coordinator.ts";

export interface RunFacts {
  id: string;
  name: string;
  status: RunStatus;
  reason: string | null;
  /** When its schedule begins it next; null: not while it goes on. */
  dueAt: number | null;
  begunAt: number | null;
}

export interface SubmissionFacts {
  id: string;
  run: string;
  /** Run, replica and number. */
  job: string;
  jobNum: number;
  num: number;
  status: JobStatus;
  instance: string | null;
  share: HostShare | null;
  reason: string | null;
  message: string | null;
  exitStatus: number | null;
  graceMs: number | null;
  logBytes: number | null;
  isLogComplete: boolean;
}

interface InstanceFacts {
  id: string;
  name: string;
  fleet: string;
  status: InstanceStatus;
  isMade: boolean;
  isCordoned: boolean;
}

export interface Facts {
  runs: Map<string, RunFacts>;
  submissions: SubmissionFacts[];
  instances: Map<string, InstanceFacts>;
  /** Nothing was under way. */
  isQuiet: boolean;
}

/** As one value, for a row of many columns costs more than all the rest of a look. */
const FACTS = `SELECT json_object(
  'runs', (SELECT json_group_array(json_object('id', id, 'name', name, 'status', status,
    'reason', termination_reason, 'dueAt', next_triggered_at, 'begunAt', triggered_at)) FROM runs),
  'submissions', (SELECT json_group_array(json_object('id', id, 'run', run_id,
    'job', run_id || '/' || replica_num || '/' || job_num, 'jobNum', job_num, 'num', submission_num,
    'status', status, 'instance', instance_id, 'share', json(share), 'reason', termination_reason,
    'message', termination_reason_message, 'exitStatus', exit_status, 'graceMs', stop_grace_ms,
    'logBytes', log_bytes, 'isLogComplete', json(iif(log_complete, 'true', 'false'))))
    FROM (SELECT * FROM submissions ORDER BY rowid)),
  'instances', (SELECT json_group_array(json_object('id', id, 'name', name, 'fleet', fleet_id, 'status', status,
    'isMade', json(iif(made IS NULL, 'false', 'true')),
    'isCordoned', json(iif(cordon IS NULL, 'false', 'true')))) FROM instances))`;

interface Tables {
  runs: RunFacts[];
  submissions: SubmissionFacts[];
  instances: InstanceFacts[];
}

const NOTHING: Tables = { runs: [], submissions: [], instances: [] };

/** All that the store says about runs and hosts; nothing before the first start. */
export const readFacts = async (coordinator: SimCoordinator): Promise<Facts> => {
  const [row] = await coordinator.look(FACTS);
  const { runs, submissions, instances } = row ? (JSON.parse(String(row[0])) as Tables) : NOTHING;
  const isQuiet = coordinator.pending === 0;
  return { runs: byId(runs), submissions, instances: byId(instances), isQuiet };
};

const byId = <T extends { id: string }>(rows: readonly T[]): Map<string, T> =>
  new Map(rows.map((row) => [row.id, row]));
