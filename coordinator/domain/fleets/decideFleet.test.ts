import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  ATTEMPT_DELAYS_MS,
  decideFleet,
  type FleetInstance,
  type FleetState,
  MOST_ATTEMPTS,
  OUTPUT_MS,
} from "./decideFleet.ts";

const NOW = 10_000_000;

const made = (num: number, more: Partial<FleetInstance> = {}): FleetInstance => ({
  id: `i${num}`,
  num,
  status: "idle",
  isMade: true,
  isForJob: false,
  hasJobs: false,
  hasOutput: false,
  idleSince: NOW - 1_000,
  idleDurationMs: 60_000,
  fits: true,
  ...more,
});

const busy = (num: number, more: Partial<FleetInstance> = {}) =>
  made(num, { status: "busy", hasJobs: true, idleSince: null, ...more });

const fleet = (more: Partial<FleetState> = {}): FleetState => ({
  status: "active",
  nodes: { min: 0, max: 4 },
  canMake: true,
  isCluster: false,
  masterId: null,
  attempts: 0,
  nextAttemptAt: null,
  instances: [],
  ...more,
});

const movesOf = (state: FleetState) => decideFleet(state, NOW).moves;
const ends = (state: FleetState) =>
  movesOf(state).flatMap((move) => (move.do === "end" ? [`${move.id} ${move.reason}`] : []));
const makes = (state: FleetState) =>
  movesOf(state).reduce((sum, move) => sum + (move.do === "make" ? move.count : 0), 0);

describe("idle instances", () => {
  const overdue = { idleSince: NOW - 60_000 };
  test.each<[string, FleetState, string[]]>([
    ["stay until their time is over", fleet({ instances: [made(0)] }), []],
    ["go when it is", fleet({ instances: [made(0, overdue)] }), ["i0 idle_timeout"]],
    [
      "stay with a job that is about to come",
      fleet({ instances: [made(0, { ...overdue, hasJobs: true })] }),
      [],
    ],
    [
      "stay while output of their last job is on its way",
      fleet({ instances: [made(0, { ...overdue, hasOutput: true })] }),
      [],
    ],
    [
      "go without it when that takes too long",
      fleet({ instances: [made(0, { idleSince: NOW - OUTPUT_MS, hasOutput: true })] }),
      ["i0 idle_timeout"],
    ],
    [
      "stay where they are to be kept",
      fleet({ instances: [made(0, { ...overdue, idleDurationMs: null })] }),
      [],
    ],
    [
      "go at once where they are not to be kept",
      fleet({ instances: [made(0, { idleDurationMs: 0 })] }),
      ["i0 idle_timeout"],
    ],
    [
      "stay where they joined by themselves",
      fleet({ instances: [made(0, { ...overdue, isMade: false })] }),
      [],
    ],
    [
      "go above the least number only, the longest idle first",
      fleet({
        nodes: { min: 1, max: 4 },
        instances: [made(0, overdue), made(1, { idleSince: NOW - 90_000 })],
      }),
      ["i1 idle_timeout"],
    ],
    [
      "count as kept together with busy ones",
      fleet({ nodes: { min: 1, max: 4 }, instances: [made(0, overdue), busy(1)] }),
      ["i0 idle_timeout"],
    ],
    ["do not go in a fleet that has no number", fleet({ nodes: null, instances: [made(0, overdue)] }), []],
  ])("%s", (_, state, expected) => expect(ends(state)).toEqual(expected));

  test("wake the fleet when there has been time enough for their output", () => {
    const instances = [made(0, { idleSince: NOW - 60_000, hasOutput: true })];
    expect(decideFleet(fleet({ instances }), NOW).wakeAt).toBe(NOW - 60_000 + OUTPUT_MS);
  });

  test("wake the fleet when the next one's time is over", () => {
    const instances = [made(0), made(1, { idleSince: NOW - 20_000 })];
    expect(decideFleet(fleet({ instances }), NOW).wakeAt).toBe(NOW + 40_000);
    expect(decideFleet(fleet({ nodes: { min: 2, max: 4 }, instances }), NOW).wakeAt).toBeNull();
  });
});

describe("instances that do not belong there", () => {
  test("go when they are not as the specification has it, unless they have jobs or joined by themselves", () => {
    const wrong = { fits: false };
    const instances = [
      made(0, wrong),
      made(1, { ...wrong, status: "provisioning" }),
      busy(2, wrong),
      made(3, { ...wrong, isMade: false }),
    ];
    expect(ends(fleet({ instances }))).toEqual(["i0 fleet_spec_mismatch", "i1 fleet_spec_mismatch"]);
  });

  test("go when there are too many, idle ones only, the newest first", () => {
    const instances = [made(0), busy(1), made(2), made(3)];
    expect(ends(fleet({ nodes: { min: 0, max: 2 }, instances }))).toEqual([
      "i3 max_instances_limit",
      "i2 max_instances_limit",
    ]);
    expect(ends(fleet({ nodes: { min: 0, max: 1 }, instances: [busy(0), busy(1)] }))).toEqual([]);
    expect(ends(fleet({ nodes: { min: 0, max: null }, instances }))).toEqual([]);
  });
});

test("an instance that was made for a job goes when the job is over before it has come", () => {
  const forJob = { isForJob: true, idleSince: null };
  const instances = [
    made(0, { ...forJob, status: "pending" }),
    made(1, { ...forJob, status: "provisioning" }),
    made(2, { ...forJob, status: "provisioning", hasJobs: true }),
    made(3, { isForJob: true }),
  ];
  expect(ends(fleet({ instances }))).toEqual(["i0 job_finished", "i1 job_finished"]);
});

describe("missing instances", () => {
  const nodes = { min: 3, max: 4 };
  test.each<[string, FleetState, number]>([
    ["are made", fleet({ nodes }), 3],
    [
      "are made as far as they are missing",
      fleet({ nodes, instances: [busy(0), made(1, { status: "pending" })] }),
      1,
    ],
    [
      "those on their way out do not count",
      fleet({ nodes, instances: [made(0, { status: "terminating" })] }),
      3,
    ],
    ["hosts that joined by themselves count", fleet({ nodes, instances: [made(0, { isMade: false })] }), 2],
    ["are not made without a backend", fleet({ nodes, canMake: false }), 0],
    ["are not made before their time", fleet({ nodes, attempts: 1, nextAttemptAt: NOW + 1 }), 0],
    ["are made when it has come", fleet({ nodes, attempts: 1, nextAttemptAt: NOW }), 3],
    [
      "are made when the clock was put back",
      fleet({ nodes, attempts: 1, nextAttemptAt: NOW + 86_400_000 }),
      3,
    ],
    ["are not made after so many tries", fleet({ nodes, attempts: MOST_ATTEMPTS, nextAttemptAt: NOW }), 0],
    ["are not made in a fleet that goes", fleet({ nodes, status: "terminating" }), 0],
  ])("%s", (_, state, expected) => expect(makes(state)).toBe(expected));

  test("are made ever more seldom", () => {
    const delays = Array.from({ length: MOST_ATTEMPTS }, (_, attempts) => {
      const counted = movesOf(fleet({ nodes, attempts, nextAttemptAt: attempts === 0 ? null : NOW })).find(
        (move) => move.do === "count",
      );
      if (counted?.do !== "count") throw new Error(`Attempt ${attempts} is not counted`);
      expect(counted.attempts).toBe(attempts + 1);
      return ((counted.nextAttemptAt ?? 0) - NOW) / 60_000;
    });
    expect(delays).toEqual([1, 2, 5, 10, ...Array.from({ length: MOST_ATTEMPTS - 4 }, () => 30)]);
    expect(ATTEMPT_DELAYS_MS).toHaveLength(5);
  });

  test("are forgotten as soon as all are there, not when they are only on their way", () => {
    const tried = { nodes: { min: 1, max: 4 }, attempts: 3, nextAttemptAt: NOW + 1_000 };
    expect(movesOf(fleet({ ...tried, instances: [made(0, { status: "provisioning" })] }))).toEqual([]);
    expect(movesOf(fleet({ ...tried, instances: [made(0)] }))).toEqual([
      { do: "count", attempts: 0, nextAttemptAt: null },
    ]);
  });

  test("wake the fleet when they may be tried again", () => {
    expect(decideFleet(fleet({ nodes, attempts: 2, nextAttemptAt: NOW + 5 }), NOW).wakeAt).toBe(NOW + 5);
  });
});

describe("the master of a cluster", () => {
  const elected = (state: Partial<FleetState>) =>
    movesOf(fleet({ isCluster: true, ...state })).find((move) => move.do === "elect");
  const pending = (num: number) => made(num, { status: "pending" });

  test.each<[string, Partial<FleetState>, { do: "elect"; id: string | null } | undefined]>([
    ["is who will be made first", { instances: [pending(1), pending(0)] }, { do: "elect", id: "i0" }],
    ["is who is there already", { instances: [pending(0), made(1)] }, { do: "elect", id: "i1" }],
    ["stays while it is alive", { masterId: "i1", instances: [made(0), pending(1)] }, undefined],
    [
      "is elected anew when it is gone",
      { masterId: "i9", instances: [pending(0), busy(2)] },
      { do: "elect", id: "i2" },
    ],
    ["is nobody when all are gone", { masterId: "i9" }, { do: "elect", id: null }],
    ["is no host that joined by itself", { instances: [made(0, { isMade: false })] }, undefined],
    ["is nobody where there is no cluster", { isCluster: false, instances: [made(0)] }, undefined],
  ])("%s", (_, state, expected) => expect(elected(state)).toEqual(expected));
});

describe("a fleet that is to go", () => {
  test("ends all that it has, then itself", () => {
    const instances = [made(0), made(1, { isMade: false }), made(2, { status: "terminating" })];
    expect(ends(fleet({ status: "terminating", instances }))).toEqual([
      "i0 terminated_by_user",
      "i1 terminated_by_user",
    ]);
    expect(movesOf(fleet({ status: "terminating" }))).toEqual([{ do: "finish" }]);
  });
});

test("applying what is decided until nothing is leads to a fleet within its limits that asks for nothing more", () => {
  const instance = fc.record({
    status: fc.constantFrom("pending" as const, "provisioning" as const, "idle" as const, "busy" as const),
    isMade: fc.boolean(),
    fits: fc.boolean(),
    idleSince: fc.integer({ min: NOW - 120_000, max: NOW }),
    idleDurationMs: fc.option(fc.integer({ min: 0, max: 90_000 })),
  });
  const nodes = fc.tuple(fc.nat(4), fc.option(fc.nat(4))).map(([min, more]) => ({
    min,
    max: more === null ? null : min + more,
  }));
  fc.assert(
    fc.property(nodes, fc.array(instance, { maxLength: 8 }), (nodes, list) => {
      let num = list.length;
      let state = fleet({
        nodes,
        instances: list.map((one, at) =>
          made(at, {
            ...one,
            hasJobs: one.status === "busy",
            idleSince: one.status === "idle" ? one.idleSince : null,
          }),
        ),
      });
      for (let round = 0; round < 3; round++) {
        const { moves } = decideFleet(state, NOW);
        for (const move of moves) {
          if (move.do === "end") {
            const one = state.instances.find(({ id }) => id === move.id);
            expect(one).toMatchObject({ isMade: true, hasJobs: false });
            state = { ...state, instances: state.instances.filter(({ id }) => id !== move.id) };
          }
          if (move.do === "make")
            state = {
              ...state,
              instances: [
                ...state.instances,
                ...Array.from({ length: move.count }, () =>
                  made(num++, { status: "pending", idleSince: null }),
                ),
              ],
            };
          if (move.do === "count")
            state = { ...state, attempts: move.attempts, nextAttemptAt: move.nextAttemptAt };
        }
      }
      expect(state.instances.length).toBeGreaterThanOrEqual(nodes.min);
      const removable = state.instances.filter((one) => one.isMade && one.status === "idle");
      if (nodes.max !== null && removable.length > 0)
        expect(state.instances.length).toBeLessThanOrEqual(nodes.max);
      expect(decideFleet(state, NOW).moves.filter((move) => move.do === "end" || move.do === "make")).toEqual(
        [],
      );
    }),
  );
});
