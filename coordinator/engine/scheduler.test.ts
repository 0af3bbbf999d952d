/** The queue as a whole, over any runs and hosts: what must hold whatever happens in whatever order. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { FakeClock } from "../../shared/testing/fakeClock.ts";
import { anInstance } from "../testing/anInstance.ts";
import { aWaitingRun } from "../testing/aWaitingRun.ts";
import { type HostPlan, QueueModel, type RunPlan } from "../testing/queueModel.ts";
import { AgentSessions } from "./agentSessions.ts";
import { Capacity } from "./capacity.ts";
import { RESERVE_AFTER_MS, Scheduler } from "./scheduler.ts";
import { isBefore, waitingOrder } from "./waitingOrder.ts";

const host: fc.Arbitrary<HostPlan> = fc.record({
  fleet: fc.constantFrom(0, 0, 1),
  cpus: fc.constantFrom(2, 4, 8),
});
const run: fc.Arbitrary<RunPlan> = fc.record({
  nodes: fc.constantFrom(1, 1, 2, 2, 3),
  cpu: fc.constantFrom(1, 1, 4, 8),
  priority: fc.constantFrom(0, 0, 50),
});
const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant("submit" as const), run }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("end" as const), nth: fc.nat(20) }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant("wait" as const), ms: fc.constantFrom(1, 1_000, 61_000) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("stop" as const), nth: fc.nat(20) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("cut" as const), nth: fc.nat(20) }) },
);
const hosts = fc.array(host, { minLength: 1, maxLength: 5, size: "max" });
/** Long enough for a queue to come together, and some of it to grow old. */
const steps = fc.array(step, { minLength: 30, maxLength: 60, size: "max" });

const nthOf = (names: Iterable<string>, nth: number): string | undefined => {
  const all = [...names];
  return all[nth % Math.max(1, all.length)];
};

test("whatever happens: gangs whole, nobody passed, nobody delayed, no host idle that somebody could use", () => {
  fc.assert(
    fc.property(hosts, steps, (plans, happenings) => {
      const model = new QueueModel(plans);
      for (const one of happenings) {
        if (one.do === "submit") model.submit(one.run);
        else if (one.do === "wait") model.clock.advance(one.ms);
        else if (one.do === "cut") model.setReachable(one.nth, model.isUnreachable(one.nth));
        else {
          const name = nthOf((one.do === "end" ? model.running : model.waiting).keys(), one.nth);
          if (name !== undefined) model[one.do](name);
        }
        // What is kept since a moment ago is looked at with the next thing that happens.
        if (one.do !== "wait") model.check();
        expect(model.broken).toEqual([]);
      }
    }),
    { numRuns: 300 },
  );
});

test("a large run gets its hosts, however many small ones come all the time", () => {
  const few = fc.array(fc.record({ fleet: fc.constantFrom(0, 1), cpus: fc.constantFrom(4, 8) }), {
    minLength: 2,
    maxLength: 6,
  });
  const order = fc.array(fc.nat(100), { minLength: 60, maxLength: 60 });
  fc.assert(
    fc.property(few, fc.constantFrom(2, 3), order, (plans, nodes, choices) => {
      const isPossible = [0, 1].some((fleet) => plans.filter((one) => one.fleet === fleet).length >= nodes);
      fc.pre(isPossible);
      const model = new QueueModel(plans);
      const small = { nodes: 1, cpu: 1, priority: 0 };
      for (const _ of plans) model.submit(small);
      const large = model.submit({ nodes, cpu: 1, priority: 0 });
      model.clock.advance(RESERVE_AFTER_MS);
      const next = choices.values();
      // With all that run at its beginning, each round ends at least one host's last job before the large run.
      for (let round = 0; round < nodes && model.waiting.has(large); round++) {
        const left = new Set([...model.running.keys()]);
        while (left.size > 0) {
          const name = nthOf(left, next.next().value ?? 0) ?? "";
          left.delete(name);
          model.submit(small);
          if (model.running.has(name)) model.end(name);
          model.submit(small);
        }
      }
      expect(model.running.has(large)).toBe(true);
      expect(model.broken).toEqual([]);
    }),
    { numRuns: 100 },
  );
});

const waitingRun = (name: string, { nodes, cpu, priority }: RunPlan, at: number) =>
  aWaitingRun(name, { at, nodes, priority, resources: { memory: "1GB..", disk: null, cpu: `${cpu}..` } });

/** Who is granted what when all of them wait already as the coordinator starts. */
const serve = (plans: HostPlan[], waiting: ReturnType<typeof aWaitingRun>[]): string[] => {
  const clock = new FakeClock();
  const capacity = new Capacity();
  for (const [num, { fleet, cpus }] of plans.entries())
    capacity.set(anInstance({ id: `h${num}`, fleet_id: `f${fleet}` }, { cpus }), `f${fleet}`);
  const scheduler = new Scheduler({ agents: new AgentSessions(clock), capacity, clock });
  for (const one of waiting) scheduler.wait(one);
  const granted: string[] = [];
  scheduler.start((id) => {
    const places = plans.flatMap((_, num) => (capacity.get(`h${num}`)?.occupants.has(id) ? [`h${num}`] : []));
    granted.push(`${id} on ${places}`);
  });
  return granted;
};

test("the same set is served in the same order, however it came together", () => {
  const runs = fc.array(fc.record({ run, at: fc.integer({ min: -100_000, max: 0 }) }), { maxLength: 12 });
  fc.assert(
    fc.property(hosts, runs, fc.infiniteStream(fc.nat()), (plans, described, shuffle) => {
      const now = new FakeClock().now();
      const waiting = described.map(({ run: plan, at }, num) => waitingRun(`run-${num}`, plan, now + at));
      const shuffled = waiting
        .map((one) => ({ one, key: shuffle.next().value ?? 0 }))
        .sort((a, b) => a.key - b.key)
        .map(({ one }) => one);
      expect(serve(plans, shuffled)).toEqual(serve(plans, waiting));
      expect(waitingOrder(shuffled)).toEqual(waitingOrder(waiting));
    }),
    { numRuns: 200 },
  );
});

test("priority comes before age, and age before the name", () => {
  const runs = fc.array(
    fc.record({ priority: fc.integer({ min: 0, max: 100 }), at: fc.integer({ min: 0, max: 5 }) }),
    { maxLength: 10 },
  );
  fc.assert(
    fc.property(runs, (plans) => {
      const all = plans.map((plan, num) => aWaitingRun(`run-${num}`, plan));
      const ordered = waitingOrder(all);
      expect(new Set(ordered)).toEqual(new Set(all));
      for (const [at, one] of ordered.slice(1).entries()) {
        const before = ordered[at];
        if (!before) throw new Error("There is one before");
        expect(isBefore(before, one) && !isBefore(one, before)).toBe(true);
        expect(before.run.priority).toBeGreaterThanOrEqual(one.run.priority);
        if (before.run.priority === one.run.priority)
          expect(before.run.submitted_at).toBeLessThanOrEqual(one.run.submitted_at);
      }
    }),
    { numRuns: 100 },
  );
});

test("a run of a higher priority uses what is kept for a large one, and does not keep it from its own hosts", () => {
  const model = new QueueModel([
    { fleet: 0, cpus: 4 },
    { fleet: 0, cpus: 4 },
  ]);
  const [first, second] = [1, 2].map(() => model.submit({ nodes: 1, cpu: 1, priority: 0 }));
  const large = model.submit({ nodes: 2, cpu: 1, priority: 0 });
  model.clock.advance(RESERVE_AFTER_MS);
  const urgentLarge = model.submit({ nodes: 2, cpu: 1, priority: 50 });
  model.end(first ?? "");
  const urgent = model.submit({ nodes: 1, cpu: 1, priority: 50 });
  expect(model.running.has(urgent)).toBe(true);
  model.end(urgent);
  const late = model.submit({ nodes: 1, cpu: 1, priority: 0 });
  expect(model.waiting.has(late)).toBe(true);
  model.end(second ?? "");
  // It is as young as can be, and still the first.
  expect(model.running.has(urgentLarge)).toBe(true);
  model.end(urgentLarge);
  expect(model.running.has(large)).toBe(true);
  model.end(large);
  expect(model.running.has(late)).toBe(true);
  expect(model.broken).toEqual([]);
});

test("hosts are kept in the fleet where most of them are free", () => {
  const model = new QueueModel([0, 0, 1, 1].map((fleet) => ({ fleet, cpus: 4 })));
  const [, , third, fourth] = [1, 2, 3, 4].map(() => model.submit({ nodes: 1, cpu: 1, priority: 0 }));
  const large = model.submit({ nodes: 2, cpu: 1, priority: 0 });
  model.clock.advance(RESERVE_AFTER_MS);
  // What runs in the first fleet goes on for ever.
  model.end(third ?? "");
  const small = model.submit({ nodes: 1, cpu: 1, priority: 0 });
  expect(model.waiting.has(small)).toBe(true);
  model.end(fourth ?? "");
  expect(model.running.has(large)).toBe(true);
  expect(model.broken).toEqual([]);
});

test("with the hosts of one large run taken, others are kept for the next at once", () => {
  const plans = [0, 0, 0].map((fleet) => ({ fleet, cpus: 4 }));
  const now = new FakeClock().now();
  const old = now - RESERVE_AFTER_MS;
  const large = { nodes: 2, cpu: 1, priority: 0 };
  const all = [
    waitingRun("one", large, old - 2),
    waitingRun("two", large, old - 1),
    waitingRun("small", { ...large, nodes: 1 }, now),
  ];
  expect(serve(plans, all)).toEqual(["one on h0,h1"]);
});

test("when a large run waits no more, what was kept for it goes to others", () => {
  const model = new QueueModel([0, 0].map((fleet) => ({ fleet, cpus: 4 })));
  const [first] = [1, 2].map(() => model.submit({ nodes: 1, cpu: 1, priority: 0 }));
  const large = model.submit({ nodes: 2, cpu: 1, priority: 0 });
  model.clock.advance(RESERVE_AFTER_MS);
  model.end(first ?? "");
  const small = model.submit({ nodes: 1, cpu: 1, priority: 0 });
  expect(model.waiting.has(small)).toBe(true);
  model.stop(large);
  expect(model.running.has(small)).toBe(true);
});

test("a run that waits and is given a higher priority uses what is kept for others at once", () => {
  const model = new QueueModel([0, 0].map((fleet) => ({ fleet, cpus: 4 })));
  const [first] = [1, 2].map(() => model.submit({ nodes: 1, cpu: 1, priority: 0 }));
  model.submit({ nodes: 2, cpu: 1, priority: 0 });
  model.clock.advance(RESERVE_AFTER_MS);
  model.end(first ?? "");
  const small = model.submit({ nodes: 1, cpu: 1, priority: 0 });
  expect(model.waiting.has(small)).toBe(true);
  model.raise(small, 50);
  expect(model.running.has(small)).toBe(true);
});
