/** Which events each thing that happens to a run and its host leaves behind (docs/spec/lifecycle.md §7.3). */
import { describe, expect, test } from "bun:test";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { removeInstance } from "../domain/fleets/deleteFleets.ts";
import { findFleet } from "../store/fleets.ts";
import { listTold } from "../testing/listTold.ts";
import { type OpenedEngine, openEngine } from "../testing/openEngine.ts";
import { hostRow, type TestEngine } from "../testing/testEngine.ts";
import {
  CLAIM_TIMEOUT_MS,
  DEFAULT_SILENCE_MS,
  patienceOf,
  STOP_GRACE_MS,
  STOP_MARGIN_MS,
} from "./engineDeps.ts";

const { leaseTtlMs: LEASE_TTL_MS } = patienceOf(DEFAULT_SILENCE_MS);

const HOST = hostRow(0);
const USER = "00000000-0000-4000-8000-000000000009";

type Happening = (opened: OpenedEngine) => Promise<void>;

/** Tells apart what a step adds from what was told before. */
const toldBy = async (opened: OpenedEngine, before: Happening, step: Happening): Promise<string[]> => {
  await before(opened);
  const known = await listTold(opened.engine.db);
  await step(opened);
  return (await listTold(opened.engine.db)).slice(known.length);
};

const idOf = async (engine: TestEngine): Promise<string> => (await engine.latest("a")).id;
const join: Happening = async ({ engine }) => void (await engine.addHost(HOST));
const submit =
  (configuration: Record<string, unknown> = {}): Happening =>
  ({ engine }) =>
    engine.submit("a", configuration);
const placed =
  (configuration: Record<string, unknown> = {}): Happening =>
  async (opened) => {
    await join(opened);
    await submit(configuration)(opened);
    await opened.engine.takeOne(HOST);
  };
const running =
  (configuration: Record<string, unknown> = {}): Happening =>
  async (opened) => {
    await placed(configuration)(opened);
    await opened.engine.running(HOST, await idOf(opened.engine));
  };
const stopping =
  (configuration: Record<string, unknown> = {}): Happening =>
  async (opened) => {
    await running(configuration)(opened);
    await stop(false)(opened);
  };
const stop =
  (abort: boolean): Happening =>
  async ({ engine }) =>
    engine.engine.stopRun((await engine.run("a")).id, abort, USER);
const finish =
  (exit: number): Happening =>
  async ({ engine }) =>
    void (await engine.finished(HOST, await idOf(engine), { exit }));
const reaches = (opened: OpenedEngine, status: string) =>
  waitFor(`a run that is ${status}`, async () => (await opened.engine.run("a")).status === status);
const pass =
  (ms: number, status: string): Happening =>
  async (opened) => {
    opened.clock.advance(ms);
    await reaches(opened, status);
  };
const nothing: Happening = async () => {};

const ENDED = [
  "[job a-0-0, instance lab-0] Job unassigned from instance. Instance blocks: 0/1 busy",
  "[instance lab-0] Instance status changed BUSY -> IDLE",
] as const;
const PLACED = [
  "[job a-0-0, instance lab-0] Job assigned to instance. Instance blocks: 1/1 busy",
  "[job a-0-0] Job status changed SUBMITTED -> PROVISIONING",
  "[instance lab-0] Instance status changed IDLE -> BUSY",
  "[run a] Run status changed SUBMITTED -> PROVISIONING",
] as const;
const SUBMITTED = [
  "[run a] Run submitted. Status: SUBMITTED",
  "[job a-0-0] Job created on run submission. Status: SUBMITTED",
];
const NO_CAPACITY =
  "[job a-0-0] Job status changed SUBMITTED -> TERMINATING. Termination reason: FAILED_TO_START_DUE_TO_NO_CAPACITY (No matching fleet found: no host has joined this project)";

const TABLE: { state: string; event: string; before: Happening; step: Happening; told: readonly string[] }[] =
  [
    {
      state: "no run",
      event: "submission, a host is free",
      before: join,
      step: submit(),
      told: [...SUBMITTED, ...PLACED],
    },
    {
      state: "no run",
      event: "submission with a schedule",
      before: join,
      step: submit({ schedule: { cron: "* * * * *" } }),
      told: ["[run a] Run submitted. Status: PENDING"],
    },
    {
      state: "no run",
      event: "submission, no host, no retry",
      before: nothing,
      step: submit(),
      told: [
        ...SUBMITTED,
        NO_CAPACITY,
        "[job a-0-0] Job status changed TERMINATING -> FAILED",
        "[run a] Run status changed SUBMITTED -> TERMINATING. Termination reason: JOB_FAILED",
        "[run a] Run status changed TERMINATING -> FAILED",
      ],
    },
    {
      state: "no run",
      event: "submission, no host, retry",
      before: nothing,
      step: submit({ retry: true }),
      told: [
        ...SUBMITTED,
        NO_CAPACITY,
        "[job a-0-0] Job status changed TERMINATING -> FAILED",
        "[run a] Run status changed SUBMITTED -> PENDING",
      ],
    },
    {
      state: "pending for capacity",
      event: "a host joins",
      before: submit({ retry: true }),
      step: async (opened) => {
        await join(opened);
        await reaches(opened, "provisioning");
      },
      told: [
        "[job a-0-0] Job created on new submission. Status: SUBMITTED",
        "[run a] Run status changed PENDING -> SUBMITTED",
        ...PLACED,
      ],
    },
    {
      state: "pending for its schedule",
      event: "its time comes",
      before: async (opened) => {
        await join(opened);
        await submit({ schedule: { cron: "* * * * *" } })(opened);
      },
      step: pass(60_000, "provisioning"),
      told: [
        "[job a-0-0] Job created on new submission. Status: SUBMITTED",
        "[run a] Run status changed PENDING -> SUBMITTED",
        ...PLACED,
      ],
    },
    {
      state: "pending",
      event: "stop by a user",
      before: submit({ retry: true }),
      step: stop(false),
      told: [
        "[run a] Run status changed PENDING -> TERMINATING. Termination reason: STOPPED_BY_USER",
        "[run a] Run status changed TERMINATING -> TERMINATED",
      ],
    },
    {
      state: "provisioning",
      event: "the host prepares",
      before: placed(),
      step: async ({ engine }) => void (await engine.preparing(HOST, await idOf(engine))),
      told: [],
    },
    {
      state: "provisioning",
      event: "the host pulls, twice",
      before: placed(),
      step: async ({ engine }) => {
        const id = await idOf(engine);
        await engine.report(HOST, { id, sequence: 1, fact: { state: "pulling" } });
        await engine.report(HOST, { id, sequence: 2, fact: { state: "pulling" } });
      },
      told: ["[job a-0-0] Job status changed PROVISIONING -> PULLING"],
    },
    {
      state: "provisioning",
      event: "the job runs",
      before: placed(),
      step: async ({ engine }) => void (await engine.running(HOST, await idOf(engine))),
      told: [
        "[job a-0-0] Job status changed PROVISIONING -> RUNNING",
        "[run a] Run status changed PROVISIONING -> RUNNING",
      ],
    },
    {
      state: "provisioning",
      event: "the host does not take the job",
      before: async (opened) => {
        await join(opened);
        await submit()(opened);
      },
      step: async (opened) => {
        opened.clock.advance(CLAIM_TIMEOUT_MS);
        await waitFor("another attempt", async () => (await opened.engine.submissions("a")).length === 2);
        await waitFor("its place", async () => (await opened.engine.latest("a")).instance_id !== null);
      },
      told: [
        "[job a-0-0] Job status changed PROVISIONING -> TERMINATING. Termination reason: INSTANCE_UNREACHABLE",
        "[job a-0-0] Job status changed TERMINATING -> FAILED",
        ...ENDED,
        "[job a-0-0] Job created on retry. Status: SUBMITTED",
        ...PLACED.slice(0, 3),
      ],
    },
    {
      state: "running",
      event: "exit 0",
      before: running(),
      step: finish(0),
      told: [
        "[job a-0-0] Job status changed RUNNING -> TERMINATING. Termination reason: DONE_BY_RUNNER",
        "[job a-0-0] Job status changed TERMINATING -> DONE",
        ...ENDED,
        "[run a] Run status changed RUNNING -> TERMINATING. Termination reason: ALL_JOBS_DONE",
        "[run a] Run status changed TERMINATING -> DONE",
      ],
    },
    {
      state: "running",
      event: "exit 3, reported twice",
      before: running(),
      step: async (opened) => {
        await finish(3)(opened);
        await finish(3)(opened);
      },
      told: [
        "[job a-0-0] Job status changed RUNNING -> TERMINATING. Termination reason: CONTAINER_EXITED_WITH_ERROR",
        "[job a-0-0] Job status changed TERMINATING -> FAILED",
        ...ENDED,
        "[run a] Run status changed RUNNING -> TERMINATING. Termination reason: JOB_FAILED",
        "[run a] Run status changed TERMINATING -> FAILED",
      ],
    },
    {
      state: "running",
      event: "exit 3 with retry",
      before: running({ retry: { on_events: ["error"], duration: "1h" } }),
      step: finish(3),
      told: [
        "[job a-0-0] Job status changed RUNNING -> TERMINATING. Termination reason: CONTAINER_EXITED_WITH_ERROR",
        "[job a-0-0] Job status changed TERMINATING -> FAILED",
        ...ENDED,
        "[run a] Run status changed RUNNING -> PENDING",
      ],
    },
    {
      state: "running",
      event: "stop by a user",
      before: running(),
      step: stop(false),
      told: [
        "[run a] Run status changed RUNNING -> TERMINATING. Termination reason: STOPPED_BY_USER",
        `[job a-0-0] Job graceful stop requested. Grace period: ${STOP_GRACE_MS / 1000}s`,
        "[job a-0-0] Job status changed RUNNING -> TERMINATING. Termination reason: TERMINATED_BY_USER",
      ],
    },
    {
      state: "running",
      event: "abort by a user",
      before: running(),
      step: stop(true),
      told: [
        "[run a] Run status changed RUNNING -> TERMINATING. Termination reason: ABORTED_BY_USER",
        "[job a-0-0] Job status changed RUNNING -> TERMINATING. Termination reason: ABORTED_BY_USER",
      ],
    },
    {
      state: "running",
      event: "the host falls silent",
      before: running(),
      step: async (opened) => {
        opened.clock.advance(2 * LEASE_TTL_MS);
        await waitFor("the mark", async () => opened.engine.capacity.get(HOST.id)?.instance.unreachable);
      },
      told: ["[instance lab-0] Instance became unreachable", "[job a-0-0] Job became unreachable"],
    },
    {
      state: "running on a silent host",
      event: "the host is back",
      before: async (opened) => {
        await running()(opened);
        opened.clock.advance(2 * LEASE_TTL_MS);
        await waitFor("the mark", async () => opened.engine.capacity.get(HOST.id)?.instance.unreachable);
      },
      step: async ({ engine }) => void (await engine.sync(HOST, [await idOf(engine)])),
      told: ["[instance lab-0] Instance became reachable", "[job a-0-0] Job became reachable"],
    },
    {
      state: "terminating",
      event: "stop again",
      before: stopping(),
      step: stop(false),
      told: [],
    },
    {
      state: "terminating",
      event: "abort by a user, twice",
      before: stopping(),
      step: async (opened) => {
        await stop(true)(opened);
        await stop(true)(opened);
      },
      told: ["[run a] Run termination reason changed STOPPED_BY_USER -> ABORTED_BY_USER"],
    },
    {
      state: "terminating",
      event: "the host reports the end",
      before: stopping(),
      step: finish(0),
      told: [
        "[job a-0-0] Job status changed TERMINATING -> TERMINATED",
        ...ENDED,
        "[run a] Run status changed TERMINATING -> TERMINATED",
      ],
    },
    {
      state: "terminating",
      event: "the host never reports",
      before: stopping(),
      step: pass(STOP_GRACE_MS + STOP_MARGIN_MS, "terminated"),
      told: [
        "[job a-0-0] Job status changed TERMINATING -> TERMINATED",
        ...ENDED,
        "[run a] Run status changed TERMINATING -> TERMINATED",
      ],
    },
    {
      state: "idle host",
      event: "it is taken out by a user, twice at once",
      before: join,
      step: async ({ engine }) => {
        await Promise.all([1, 2].map(() => removeInstance(engine, HOST, USER)));
      },
      told: [
        "[instance lab-0] Instance status changed IDLE -> TERMINATING. Termination reason: TERMINATED_BY_USER",
        "[instance lab-0] Instance status changed TERMINATING -> TERMINATED",
      ],
    },
  ];

describe.each(TABLE)("$state × $event", ({ before, step, told }) => {
  test("is told", async () => {
    await using opened = await openEngine();
    expect(await toldBy(opened, before, step)).toEqual([...told]);
  });
});

test("a host that is taken out is told of as it is then, and not as it was read", async () => {
  await using opened = await openEngine();
  const { engine } = opened;
  await engine.addHost(HOST);
  const known = await listTold(engine.db);
  const fleet = await findFleet(engine.db, HOST.fleet_id);
  if (!fleet) throw new Error("There is a fleet");
  const asItWas = { ...HOST, status: "busy" as const };
  await engine.fleets.withFleet(fleet.id, () =>
    engine.fleets.remove(fleet, [asItWas], { isWhole: false, actorId: USER, inUse: () => undefined }),
  );
  expect((await listTold(engine.db)).slice(known.length)).toEqual([
    "[instance lab-0] Instance status changed IDLE -> TERMINATING. Termination reason: TERMINATED_BY_USER",
    "[instance lab-0] Instance status changed TERMINATING -> TERMINATED",
  ]);
});

test("of a host that jobs share it is told what is left, and that it is idle when the last has gone", async () => {
  await using opened = await openEngine();
  const { engine } = opened;
  const host = await engine.addHost({ ...HOST, blocks: 2, inventory: { ...HOST.inventory, cpus: 16 } });
  for (const name of ["a", "b"]) await engine.submit(name);
  const known = await listTold(engine.db);
  expect(known.filter((line) => line.includes("blocks") || line.includes("Instance status"))).toEqual([
    "[job a-0-0, instance lab-0] Job assigned to instance. Instance blocks: 1/2 busy",
    "[instance lab-0] Instance status changed IDLE -> BUSY",
    "[job b-0-0, instance lab-0] Job assigned to instance. Instance blocks: 2/2 busy",
  ]);
  for (const wish of await engine.desired(host)) {
    await engine.running(host, wish.submission_id);
    await engine.finished(host, wish.submission_id, { exit: 0 });
  }
  const told = (await listTold(engine.db)).slice(known.length);
  expect(told.filter((line) => line.includes("blocks") || line.includes("Instance status"))).toEqual([
    "[job a-0-0, instance lab-0] Job unassigned from instance. Instance blocks: 1/2 busy",
    "[job b-0-0, instance lab-0] Job unassigned from instance. Instance blocks: 0/2 busy",
    "[instance lab-0] Instance status changed BUSY -> IDLE",
  ]);
});

test("each node of a gang is told of with its own host", async () => {
  await using opened = await openEngine();
  const { engine } = opened;
  for (const num of [0, 1]) await engine.addHost(hostRow(num));
  await engine.submit("a", { nodes: 2 });
  const told = await listTold(engine.db);
  expect(told.filter((line) => line.includes("assigned"))).toEqual(
    [0, 1].map(
      (num) => `[job a-${num}-0, instance lab-${num}] Job assigned to instance. Instance blocks: 1/1 busy`,
    ),
  );
});
