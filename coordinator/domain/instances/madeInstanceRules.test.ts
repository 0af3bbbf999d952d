import { expect, test } from "bun:test";
import { INSTANCE_STATUSES, type InstanceStatus, instanceSources } from "../../../shared/states.ts";
import {
  END_AGAIN_MS,
  type InstanceEvent,
  onInstanceEvent,
  PROVISIONING_TIMEOUT_MS,
} from "./madeInstanceRules.ts";

const NOW = 1_000_000;

const EVENTS = {
  accepted: { kind: "accepted" },
  "no offers": { kind: "no_offers", message: "none" },
  "master failed": { kind: "master_failed" },
  joined: { kind: "joined", hasJobs: false },
  "joined for a job": { kind: "joined", hasJobs: true },
  "looked at in time": { kind: "looked_at" },
  "looked at too late": { kind: "looked_at" },
  gone: { kind: "gone", message: "gone" },
  silent: { kind: "silent" },
  "to end": { kind: "end", reason: "idle_timeout" },
  ended: { kind: "ended" },
  "not ended": { kind: "not_ended", message: "refused" },
} as const satisfies Record<string, InstanceEvent>;

type EventName = keyof typeof EVENTS;

/** From a status, by an event, to another status, with the reason; what is not here changes nothing. */
const TABLE: Record<InstanceStatus, Partial<Record<EventName, string>>> = {
  pending: {
    accepted: "provisioning",
    "no offers": "terminated no_offers",
    "master failed": "terminated master_failed",
    joined: "idle",
    "joined for a job": "busy",
    "to end": "terminated idle_timeout",
  },
  provisioning: {
    joined: "idle",
    "joined for a job": "busy",
    "looked at too late": "terminating provisioning_timeout",
    gone: "terminating error",
    "to end": "terminating idle_timeout",
  },
  idle: {
    gone: "terminating error",
    silent: "terminating unreachable",
    "to end": "terminating idle_timeout",
  },
  busy: {
    gone: "terminating error",
    silent: "terminating unreachable",
    "to end": "terminating idle_timeout",
  },
  terminating: { ended: "terminated", "not ended": "terminating" },
  terminated: {},
};

const outcome = (status: InstanceStatus, name: EventName, isAsked = false): string | undefined => {
  const wakeAt = name === "looked at too late" ? NOW : NOW + 1;
  const change = onInstanceEvent({ status, isAsked, wakeAt }, EVENTS[name], NOW);
  return change && [change.to, change.reason].filter(Boolean).join(" ");
};

const cases = INSTANCE_STATUSES.flatMap((status) =>
  (Object.keys(EVENTS) as EventName[]).map((name) => [status, name, TABLE[status][name]] as const),
);

test.each(cases)("%s, %s: %s", (status, name, expected) => {
  expect(outcome(status, name)).toBe(expected);
});

test("every move of the table is legal", () => {
  for (const [status, , expected] of cases) {
    const to = expected?.split(" ")[0] as InstanceStatus | undefined;
    if (to && to !== status) expect(instanceSources(to)).toContain(status);
  }
});

test("what a backend may have begun to make is ended, not forgotten", () => {
  expect(outcome("pending", "to end", true)).toBe("terminating idle_timeout");
  expect(outcome("pending", "master failed", true)).toBe("terminating master_failed");
  expect(outcome("pending", "no offers", true)).toBe("terminated no_offers");
});

test("an instance has a deadline for joining; an end that failed is tried again, for as long as it takes", () => {
  const at = (status: InstanceStatus, event: InstanceEvent) =>
    onInstanceEvent({ status, isAsked: true, wakeAt: null }, event, NOW)?.wakeAt;
  expect(at("pending", EVENTS.accepted)).toBe(NOW + PROVISIONING_TIMEOUT_MS);
  expect(at("provisioning", EVENTS.joined)).toBeNull();
  expect(at("terminating", EVENTS["not ended"])).toBe(NOW + END_AGAIN_MS);
});

test("with a clock that was put back nothing is waited for longer than ever", () => {
  const at = (status: InstanceStatus, wakeAt: number) =>
    onInstanceEvent({ status, isAsked: true, wakeAt }, { kind: "looked_at" }, NOW);
  const hours = 5 * 3_600_000;
  const [joining, ending] = [NOW + PROVISIONING_TIMEOUT_MS, NOW + END_AGAIN_MS];
  expect(at("provisioning", NOW + hours)).toEqual({ to: "provisioning", wakeAt: joining });
  expect(at("provisioning", joining)).toBeUndefined();
  expect(at("terminating", NOW + hours)).toEqual({ to: "terminating", wakeAt: ending });
  expect(at("terminating", ending)).toBeUndefined();
});
