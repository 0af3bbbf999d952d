/** Spot instances are what they were made as, and their loss is an interruption (docs/spec/lifecycle.md §1.3a, §2.1). */
import { describe, expect, test } from "bun:test";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { submissionStatusMessage } from "../domain/runs/statusTexts.ts";
import { anOffer, FakeBackend } from "../testing/fakeBackend.ts";
import { openCloud } from "../testing/openCloud.ts";
import { DEFAULT_SILENCE_MS, patienceOf } from "./engineDeps.ts";

const SMALL = { cpu: "1..", memory: "1GB..", disk: null };
const SPOT = { resources: SMALL, spot_policy: "spot" };

const setUp = async () => {
  const cloud = new FakeBackend();
  const { instance_type: type } = anOffer();
  cloud.offers = [anOffer({ instance_type: { ...type, resources: { ...type.resources, spot: true } } })];
  return openCloud({ nodes: "0..2", spot_policy: "spot" }, cloud);
};

/** A run whose job is on the only instance. */
const running = async (t: Awaited<ReturnType<typeof setUp>>, more: Record<string, unknown>) => {
  await t.engine.submit("one", { ...SPOT, ...more });
  await t.becomes("provisioning");
  await t.join(0);
  await waitFor("the job to begin", async () => (await t.engine.latest("one")).assigned_at !== null);
  const [host] = await t.all();
  if (!host) throw new Error("There is an instance");
  const id = await t.engine.takeOne(host);
  await t.engine.running(host, id);
  await t.engine.sync(host, [id]);
  return { host, id };
};

test("an idle spot instance is for runs that take spot, and for no others", async () => {
  await using t = await setUp();
  const { host, id } = await running(t, {});
  expect((await t.engine.latest("one")).provisioning_data?.instance_type.resources.spot).toBe(true);
  await t.engine.finished(host, id, { exit: 0 });
  await t.engine.submit("plain", { resources: SMALL });
  expect((await t.engine.run("plain")).status).toBe("failed");
  expect((await t.engine.latest("plain")).termination_reason_message).toContain("spot");
  await t.engine.submit("any", { resources: SMALL, spot_policy: "auto" });
  expect((await t.engine.latest("any")).instance_id).toBe(host.id);
});

describe("its loss", () => {
  const { lostAfterMs } = patienceOf(DEFAULT_SILENCE_MS);

  test("interrupts a job, which goes on elsewhere", async () => {
    await using t = await setUp();
    await running(t, { retry: { on_events: ["interruption"] } });
    t.clock.advance(lostAfterMs);
    await waitFor("the loss", async () => (await t.engine.run("one")).status === "pending");
    const lost = await t.engine.latest("one");
    expect(lost).toMatchObject({
      status: "failed",
      termination_reason: "interrupted_by_no_capacity",
      termination_reason_message: "The host was silent for too long",
    });
    expect(submissionStatusMessage(lost)).toBe("interrupted");
  });

  test("is no error: a job that is retried on errors alone stays its host's", async () => {
    await using t = await setUp();
    const { host, id } = await running(t, { retry: { on_events: ["error"] } });
    t.clock.advance(lostAfterMs);
    await waitFor("the silence", async () => t.engine.capacity.get(host.id)?.instance.unreachable);
    await t.engine.sync(host, [id]);
    expect((await t.engine.run("one")).status).toBe("running");
  });

  test("as its backend tells it, is an interruption too", async () => {
    await using t = await setUp();
    await running(t, {});
    t.cloud.made.clear();
    t.clock.advance(lostAfterMs);
    await waitFor("the loss", async () => (await t.engine.run("one")).status === "failed");
    expect(await t.engine.latest("one")).toMatchObject({
      termination_reason: "interrupted_by_no_capacity",
      termination_reason_message: "burst-0 was ended: The backend says that the instance is gone",
    });
  });
});
