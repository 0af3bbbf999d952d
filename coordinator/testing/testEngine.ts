import { connect } from "node:net";
import { join } from "node:path";
import { RunSpec } from "../../shared/api/runs.ts";
import type { Clock } from "../../shared/clock.ts";
import { getJobSpecs } from "../../shared/config/jobSpecs.ts";
import { AppError } from "../../shared/errors.ts";
import { silentLogger } from "../../shared/log.ts";
import type { Desired, HeldSubmission, SyncAnswer } from "../../shared/protocol/sync.ts";
import { agentFleetSpec } from "../domain/fleets/agentFleet.ts";
import type { Backend } from "../domain/fleets/backend.ts";
import { RunCounters } from "../domain/metrics/runCounters.ts";
import { newRunRow } from "../domain/runs/newRunRow.ts";
import { AgentLink } from "../engine/agentLink.ts";
import { AgentSessions } from "../engine/agentSessions.ts";
import { createAssignment } from "../engine/assign.ts";
import { Capacity } from "../engine/capacity.ts";
import { Engine } from "../engine/engine.ts";
import { DEFAULT_SILENCE_MS, patienceOf } from "../engine/engineDeps.ts";
import { FleetKeeper } from "../engine/fleetKeeper.ts";
import { HostKeeper } from "../engine/hostKeeper.ts";
import { Idleness } from "../engine/idleness.ts";
import { Reachability } from "../engine/reachability.ts";
import { Scheduler } from "../engine/scheduler.ts";
import { UsageIntake } from "../engine/usage.ts";
import { Waits } from "../engine/waits.ts";
import { CarriedLinks } from "../hosts/carriedLinks.ts";
import type { BringIn } from "../hosts/target.ts";
import { LogStore } from "../logs/logStore.ts";
import { type Db, openStore } from "../store/db.ts";
import { eventTeller } from "../store/events.ts";
import type { Soon } from "../store/fileClient.ts";
import { findInstance, type InstanceRow, insertInstance } from "../store/instances.ts";
import { findRunByName, type RunRow } from "../store/runs.ts";
import { fleets, projects } from "../store/schema.ts";
import { openSecretBox, type SecretBox } from "../store/secretBox.ts";
import { listSubmissions, type SubmissionRow } from "../store/submissions.ts";
import { anInstance } from "./anInstance.ts";

export const PROJECT_ID = "00000000-0000-4000-8000-000000000001";
const FLEET_ID = "00000000-0000-4000-8000-000000000002";
const USER_ID = "00000000-0000-4000-8000-000000000003";

/** A host that joined; `runtime` as its agent found it. */
export const hostRow = (num: number, runtime: "docker" | "process" = "process"): InstanceRow =>
  anInstance(
    {
      project_id: PROJECT_ID,
      fleet_id: FLEET_ID,
      instance_num: num,
      name: `lab-${num}`,
      public_key: `key-${num}`,
      credential_hash: `hash-${num}`,
    },
    { hostname: `host-${num}`, addresses: [`10.0.0.${num + 1}/24`], runtime },
  );

interface TestEngineOptions {
  prepare?: (engine: TestEngine) => void;
  url?: string;
  soon?: Soon;
  backends?: readonly Backend[];
  /** How hosts are brought in; left out: they cannot be reached. */
  bringIn?: BringIn;
}

/** From when a host was made until it is given up. */
const HOST_PATIENCE_MS = 600_000;

const nobody: BringIn = () => Promise.reject(new AppError("unavailable", "connecting: nobody is there"));

const testJobSpecs = ({ name, spec }: Pick<RunRow, "name" | "spec">) =>
  getJobSpecs(spec, { runName: name, defaultPython: "3.12" });

/** The engine and the agent link over a real store in `dir`; opening it again is a restart of the coordinator. */
export class TestEngine implements AsyncDisposable {
  readonly db: Db;
  readonly engine: Engine;
  readonly fleets: FleetKeeper;
  readonly hosts: HostKeeper;
  readonly box: SecretBox;
  readonly link: AgentLink;
  readonly logs: LogStore;
  readonly usage: UsageIntake;
  readonly capacity = new Capacity();
  readonly counters = new RunCounters();
  readonly agents: AgentSessions;
  readonly #clock: Clock;
  readonly #close: () => Promise<void>;
  readonly #sequences = new Map<string, number>();
  readonly #reachability: Reachability;

  private constructor(
    db: Db,
    dir: string,
    options: {
      clock: Clock;
      close: () => Promise<void>;
      backends: readonly Backend[];
      bringIn: BringIn;
    },
  ) {
    const { clock, close, backends } = options;
    this.agents = new AgentSessions(options.clock);
    const { agents, capacity } = this;
    this.db = db;
    this.#clock = clock;
    this.#close = close;
    this.logs = new LogStore(join(dir, "logs"));
    const deps = {
      db,
      tell: eventTeller(db, clock, { ttlS: 3600 }),
      clock,
      log: silentLogger,
      logs: this.logs,
      agents,
      capacity,
      scheduler: new Scheduler({ agents, capacity, clock }),
      jobNetworkMode: 2 as const,
      counters: this.counters,
      waits: new Waits(clock),
      idleness: new Idleness({ clock, agents }),
      patience: patienceOf(DEFAULT_SILENCE_MS),
      wakeFleet: (fleetId: string) => this.fleets.wake(fleetId),
      makeFor: (run: RunRow, submissions: readonly SubmissionRow[]) => this.fleets.makeFor(run, submissions),
      mayMakeFor: (run: RunRow) => this.fleets.mayMakeFor(run),
      jobSpecs: testJobSpecs,
    };
    this.engine = new Engine(deps);
    const url = () => "http://127.0.0.1";
    const box = openSecretBox(join(dir, "encryption.key"));
    this.box = box;
    this.hosts = new HostKeeper({
      ...deps,
      engine: this.engine,
      url,
      box,
      bringIn: options.bringIn,
      links: new CarriedLinks({ dial: () => connect(1, "127.0.0.1"), log: silentLogger }),
      patienceMs: HOST_PATIENCE_MS,
      withFleet: (fleetId, work) => this.fleets.withFleet(fleetId, work),
    });
    this.fleets = new FleetKeeper({ ...deps, engine: this.engine, backends, url, hosts: this.hosts });
    this.#reachability = new Reachability({ ...deps, engine: this.engine });
    const assign = (submission: SubmissionRow, instance: InstanceRow) =>
      createAssignment({ db, patience: deps.patience, box }, submission, instance);
    this.usage = new UsageIntake({ ...deps, engine: this.engine });
    this.link = new AgentLink({
      ...deps,
      wantsTunnel: () => false,
      engine: this.engine,
      hosts: this.hosts,
      reachability: this.#reachability,
      assign,
    });
  }

  /** `prepare` is called before the engine starts; `url`: of another database than a file in `dir`. */
  static async open(
    dir: string,
    clock: Clock,
    {
      prepare,
      url = `file:${join(dir, "test.db")}`,
      soon,
      backends = [],
      bringIn = nobody,
    }: TestEngineOptions = {},
  ): Promise<TestEngine> {
    const store = await openStore({ url, ...(soon ? { soon } : {}) });
    const engine = new TestEngine(store.db, dir, {
      clock,
      backends,
      bringIn,
      close: async () => store[Symbol.asyncDispose](),
    });
    const project = { id: PROJECT_ID, name: "main", owner_id: USER_ID, created_at: 0 };
    await store.db.insert(projects).values(project).onConflictDoNothing();
    const fleet = { id: FLEET_ID, project_id: PROJECT_ID, name: "lab", created_at: 0 };
    await store.db
      .insert(fleets)
      .values({ ...fleet, status: "active", spec: agentFleetSpec("lab") })
      .onConflictDoNothing();
    prepare?.(engine);
    await engine.engine.start();
    await engine.fleets.start();
    await engine.hosts.start();
    return engine;
  }

  async addHost(row: InstanceRow): Promise<InstanceRow> {
    await insertInstance(this.db, row);
    this.engine.addInstance(row, "lab");
    return row;
  }

  /** Submits a task of one command, or what else `configuration` says; with a type it says all. */
  async submit(name: string, configuration: Record<string, unknown> = {}): Promise<void> {
    const spec = RunSpec.parse({
      run_name: name,
      configuration: configuration["type"]
        ? configuration
        : { type: "task", commands: ["true"], ...configuration },
      ssh_key_pub: "",
    });
    const now = this.#clock.now();
    const id = crypto.randomUUID();
    const row = newRunRow({ id, project_id: PROJECT_ID, user_id: USER_ID, name, spec }, now);
    await this.engine.submitRun({ row, jobSpecs: row.status === "pending" ? [] : testJobSpecs(row) });
  }

  async run(name: string): Promise<RunRow> {
    const run = await findRunByName(this.db, PROJECT_ID, name);
    if (!run) throw new Error(`No run "${name}"`);
    return run;
  }

  async submissions(name: string): Promise<SubmissionRow[]> {
    return listSubmissions(this.db, (await this.run(name)).id);
  }

  async latest(name: string): Promise<SubmissionRow> {
    const submission = (await this.submissions(name)).at(-1);
    if (!submission) throw new Error(`Run "${name}" has no submission`);
    return submission;
  }

  /** A sync that also says for how long nobody has used the job that it names. */
  async syncIdle(host: InstanceRow, id: string, idleMs: number): Promise<SyncAnswer> {
    return this.#sync(host, [{ submission_id: id, state: "running", idle_ms: idleMs }], host.id);
  }

  /** One sync of the host's agent that does not wait, naming what it holds. */
  async sync(host: InstanceRow, held: string[] = [], session = host.id): Promise<SyncAnswer> {
    const running = held.map((id) => ({ submission_id: id, state: "running" as const }));
    return this.#sync(host, running, session);
  }

  async #sync(host: InstanceRow, held: HeldSubmission[], session: string): Promise<SyncAnswer> {
    const row = await findInstance(this.db, host.id);
    if (!row) throw new Error(`No instance ${host.id}`);
    const sequence = this.#sequences.get(session) ?? 0;
    this.#sequences.set(session, sequence + 1);
    const request = {
      agent_version: "0.1.0",
      boot_id: "boot",
      session,
      sequence,
      held,
      wait_ms: 0,
    };
    return this.link.sync(row, request, AbortSignal.timeout(10_000));
  }

  async desired(host: InstanceRow, held: string[] = []): Promise<Desired[]> {
    return (await this.sync(host, held)).desired;
  }

  /** The one submission that the host is told to start. */
  async takeOne(host: InstanceRow): Promise<string> {
    const [first, ...others] = await this.desired(host);
    if (first?.action !== "run" || !first.assignment || others.length > 0)
      throw new AppError("conflict", "The host was not given exactly one job");
    return first.submission_id;
  }

  async finished(host: InstanceRow, id: string, end: { exit: number; logBytes?: number; sequence?: number }) {
    const fact = {
      state: "finished" as const,
      reason: end.exit === 0 ? ("done_by_runner" as const) : ("container_exited_with_error" as const),
      message: "",
      exit_status: end.exit,
      log_bytes: end.logBytes ?? 0,
    };
    return this.report(host, { id, sequence: end.sequence ?? 2, fact });
  }

  /** The agent has ended the job by its own clock. */
  async endedByItself(host: InstanceRow, id: string) {
    const reason = "terminated_by_server" as const;
    const fact = { state: "finished" as const, reason, message: "", exit_status: null, log_bytes: 0 };
    return this.report(host, { id, sequence: 2, fact });
  }

  async preparing(host: InstanceRow, id: string) {
    return this.report(host, { id, sequence: 1, fact: { state: "preparing" as const } });
  }

  async running(host: InstanceRow, id: string) {
    return this.report(host, { id, sequence: 1, fact: { state: "running" as const } });
  }

  async report(
    host: InstanceRow,
    report: {
      id: string;
      sequence: number;
      fact: Parameters<AgentLink["report"]>[1]["reports"][number]["fact"];
    },
  ): Promise<string | undefined> {
    const { id: submission_id, sequence, fact } = report;
    const reports = [{ submission_id, sequence, at: this.#clock.now(), fact }];
    return (await this.link.report(host, { session: host.id, reports })).results[0]?.result;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#reachability.close();
    await this.usage.close();
    await this.hosts.close();
    await this.fleets.close();
    await this.engine.close();
    await this.logs.close();
    await this.#close();
  }
}
