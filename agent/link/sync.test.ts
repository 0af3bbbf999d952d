import { expect, test } from "bun:test";
import { systemClock } from "../../shared/clock.ts";
import { silentLogger } from "../../shared/log.ts";
import type { Desired, HeldSubmission } from "../../shared/protocol/sync.ts";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { anAssignment } from "../testing/anAssignment.ts";
import { FakeCoordinator } from "../testing/fakeCoordinator.ts";
import { joinAs, proveAs, takenInventory } from "../testing/joinFake.ts";
import { runSync } from "./sync.ts";

const setUp = async (coordinator: FakeCoordinator) => {
  let identity = await joinAs(coordinator);
  const stop = new AbortController();
  const state = {
    held: [] as HeldSubmission[],
    answers: [] as (readonly Desired[])[],
    isUrgent: false,
    enrolls: 0,
  };
  const done = runSync(
    {
      link: { url: coordinator.url, token: () => identity.credential.token },
      session: crypto.randomUUID(),
      start: 1,
      bootId: "boot",
      log: silentLogger,
      held: () => state.held,
      inventory: takenInventory,
      isUrgent: () => state.isUrgent,
      clock: systemClock,
      onAnswer: (desired) => {
        state.answers.push(desired);
        // As when the second answer brought a job.
        state.isUrgent = state.answers.length === 2;
      },
      wantsCredential: () => false,
      onCredential: () => {},
      enrollAgain: async () => {
        state.enrolls++;
        identity = await proveAs(identity);
      },
    },
    stop.signal,
  );
  return { state, stop, done };
};

test("the whole held set goes with every sync, the inventory once, and what was seen from then on", async () => {
  await using coordinator = new FakeCoordinator();
  const { state, stop, done } = await setUp(coordinator);
  await waitFor("a parked poll", () => coordinator.syncs.length === 2);
  const { submission_id } = coordinator.assign(anAssignment()).assignment;
  await waitFor("the assignment", () => state.answers.at(-1)?.length === 1);
  state.held = [{ submission_id, state: "running" }];
  coordinator.wake();
  await waitFor("a sync that names it", () => coordinator.syncs.at(-1)?.held.length === 1);
  const [first, second] = coordinator.syncs;
  expect(first).toMatchObject({ sequence: 0, held: [], inventory: takenInventory() });
  expect(first?.seen).toBeUndefined();
  expect(second?.inventory).toBeUndefined();
  expect(second?.seen).toBeDefined();
  expect(coordinator.syncs.map((sync) => sync.sequence)).toEqual(coordinator.syncs.map((_, at) => at));
  stop.abort();
  expect(await done).toBe("stopped");
});

test("what is not confirmed yet is named in a sync that does not wait", async () => {
  await using coordinator = new FakeCoordinator();
  const { stop, done } = await setUp(coordinator);
  await waitFor("a parked poll", () => coordinator.syncs.length === 2);
  coordinator.wake();
  await waitFor("a poll after it", () => coordinator.syncs.length >= 4);
  expect(coordinator.syncs.map((sync) => sync.wait_ms).slice(1)).toEqual([45_000, 0, 45_000]);
  stop.abort();
  await done;
});

test("a coordinator that was away is told everything again", async () => {
  await using coordinator = new FakeCoordinator();
  const { stop, done } = await setUp(coordinator);
  await waitFor("a parked poll", () => coordinator.syncs.length === 2);
  await coordinator.down();
  coordinator.up();
  await waitFor("the next sync", () => coordinator.syncs.length > 2);
  expect(coordinator.syncs[2]?.inventory).toEqual(takenInventory());
  stop.abort();
  await done;
});

test("a credential that stays refused is not asked for over and over", async () => {
  await using coordinator = new FakeCoordinator();
  const { state, stop, done } = await setUp(coordinator);
  await waitFor("a parked poll", () => coordinator.syncs.length === 2);
  coordinator.faults = { isRevoked: true };
  coordinator.wake();
  const tail = () => coordinator.requests.slice(-3).join(" ");
  await waitFor("a refused try with the new credential", () => tail() === "/sync /enroll /sync");
  expect(state.enrolls).toBe(1);
  stop.abort();
  expect(await done).toBe("stopped");
  expect(state.enrolls).toBe(1);
});

test("a newer process of the host ends the loop", async () => {
  await using coordinator = new FakeCoordinator();
  const { done } = await setUp(coordinator);
  await waitFor("a parked poll", () => coordinator.syncs.length === 2);
  coordinator.faults = { isFenced: true };
  coordinator.wake();
  expect(await done).toBe("fenced");
});
