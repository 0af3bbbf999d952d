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
} as const;
export type Break = keyof typeof BREAKS;

export const isBreak = (name: string): name is Break => name in BREAKS;

const changeAssignments = (answer: SyncAnswer, patch: Partial<Assignment>): SyncAnswer => ({
  ...answer,
  desired: answer.desired.map((one) =>
    one.action === "run" && one.assignment ? { ...one, assignment: { ...one.assignment, ...patch } } : one,
  ),
});

/** Breaks a rule in the wiring of a coordinator that was just put together. */
export const breakCoordinator = (rule: Break, { capacity, link }: TestEngine): void => {
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
    case "clock":
      // The coordinator's clock itself (coordinator.ts).
      return;
  }
};
