import { Clones } from "../../coordinator/engine/clones.ts";
import { Scheduler } from "../../coordinator/engine/scheduler.ts";
import { WakeTimers } from "../../coordinator/engine/wakeTimers.ts";
import type { TestEngine } from "../../coordinator/testing/testEngine.ts";
import type { Assignment } from "../../shared/protocol/assignment.ts";
import type { SyncAnswer } from "../../shared/protocol/sync.ts";

/** Rules that can be broken on purpose, to see that the simulator notices. */
export const BREAKS = {
  occupied: "a host that has a job counts as free",
  release: "a host is not free again when its job has ended",
  keep: "a host may forget a finished job before all of its output is here",
  desired: "a job that runs is left out of what is wanted of its host",
  lease: "a claim that nobody has confirmed never ends on its host",
  silence: "a host that is cut off goes on with a job that is given to another",
  restart: "a coordinator that starts does not know who is on which host",
  clock: "promises are kept by a clock that can be put forward",
  queue: "nobody who waits is told of a host that becomes free",
  cordon: "it is forgotten that a host is to get no new jobs",
  timers: "nothing wakes what waits for its time",
  order: "the nodes of a task begin as they come, whatever their order is to be",
  schedule: "a run's schedule is forgotten with its first execution",
  grace: "a host is told to end a job at once that has time to end by itself",
  fence: "nobody ends the jobs of a dead agent that go on elsewhere",
  clones: "two hosts with one identity are taken for one",
  leak: "the cloud is not told to end what is not needed any more",
  crowd: "two things are done to a fleet at the same time",
} as const;
export type Break = keyof typeof BREAKS;

export const isBreak = (name: string): name is Break => name in BREAKS;

const changeAssignments = (answer: SyncAnswer, patch: Partial<Assignment>): SyncAnswer => ({
  ...answer,
  desired: answer.desired.map((one) =>
    one.action === "run" && one.assignment ? { ...one, assignment: { ...one.assignment, ...patch } } : one,
  ),
});

/** The coordinator never hears of what was asked for. */
const forget = (parts: TestEngine, property: string): void => {
  const submit = parts.submit.bind(parts);
  parts.submit = (name, { [property]: _, ...configuration } = {}) => submit(name, configuration);
};

/** Breaks a rule in the wiring of a coordinator that was just put together. */
export const breakCoordinator = (rule: Break, parts: TestEngine): void => {
  const { capacity, link, fleets } = parts;
  const sync = link.sync.bind(link);
  switch (rule) {
    case "occupied": {
      const { list } = capacity;
      capacity.claim = () => true;
      capacity.list = (projectId) =>
        list.call(capacity, projectId).map((entry) => ({
          ...entry,
          instance: { ...entry.instance, status: "idle" as const },
          occupants: new Map(),
        }));
      return;
    }
    case "release":
      capacity.release = () => false;
      return;
    case "keep":
      link.sync = async (...args) => {
        const answer = await sync(...args);
        return { ...answer, desired: answer.desired.filter((one) => one.action !== "keep") };
      };
      return;
    case "desired":
      link.sync = async (...args) => {
        const answer = await sync(...args);
        return { ...answer, desired: answer.desired.filter((one) => one.action !== "run" || one.assignment) };
      };
      return;
    case "lease":
      link.sync = async (...args) =>
        changeAssignments(await sync(...args), { claim_lease_ms: 30 * 86_400_000 });
      return;
    case "silence":
      link.sync = async (...args) => changeAssignments(await sync(...args), { stop_if_silent_ms: null });
      return;
    case "restart":
      capacity.restore = () => {};
      return;
    case "queue":
      Scheduler.prototype.release = (instanceId, occupant) => {
        const isLeft = capacity.release(instanceId, occupant);
        const left = capacity.get(instanceId);
        if (isLeft && left?.instance.status === "busy" && left.occupants.size === 0)
          capacity.update(instanceId, { status: "idle" });
      };
      return;
    case "cordon": {
      const update = capacity.update.bind(capacity);
      capacity.update = (id, { cordon: _, ...patch }) => update(id, patch);
      return;
    }
    case "timers":
      WakeTimers.prototype.set = () => {};
      return;
    case "order":
      forget(parts, "startup_order");
      return;
    case "schedule":
      forget(parts, "schedule");
      return;
    case "grace":
      link.sync = async (...args) => {
        const answer = await sync(...args);
        const hurried = answer.desired.map((one) => (one.action === "stop" ? { ...one, grace_ms: 0 } : one));
        return { ...answer, desired: hurried };
      };
      return;
    case "clones":
      Clones.prototype.note = () => "one";
      return;
    case "crowd":
      fleets.withFleet = async (fleetId, work) => {
        const result = await work();
        fleets.wake(fleetId);
        return result;
      };
      return;
    case "clock":
    case "fence":
    case "leak":
      // The coordinator's clock, the hosts, and the cloud themselves.
      return;
  }
};
