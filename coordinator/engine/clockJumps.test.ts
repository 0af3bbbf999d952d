import { expect, test } from "bun:test";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { openEngine } from "../testing/openEngine.ts";
import { hostRow } from "../testing/testEngine.ts";
import { CLAIM_GIVEN_MS, CLAIM_TIMEOUT_MS, DEFAULT_SILENCE_MS, patienceOf } from "./engineDeps.ts";

const { leaseTtlMs: LEASE_TTL_MS, lostAfterMs: LOST_AFTER_MS } = patienceOf(DEFAULT_SILENCE_MS);

const DAY_MS = 24 * 3_600_000;
const JUMPS = [DAY_MS, -DAY_MS];

for (const jump of JUMPS) {
  const told = jump > 0 ? "forward" : "back";

  test(`a clock put ${told} takes no claim from its host, and the wait for it is no longer`, async () => {
    await using t = await openEngine();
    const host = await t.engine.addHost(hostRow(0));
    await t.engine.submit("job");
    const id = await t.engine.takeOne(host);
    t.clock.jump(jump);
    t.clock.advance(CLAIM_TIMEOUT_MS - 1);
    expect(await t.engine.latest("job")).toMatchObject({ id, status: "provisioning" });
    t.clock.advance(1);
    await waitFor("another attempt", async () => (await t.engine.submissions("job")).length === 2);
  });

  test(`a clock put ${told} makes no host silent, and no job of it lost`, async () => {
    await using t = await openEngine();
    const host = await t.engine.addHost(hostRow(0));
    await t.engine.submit("job", { retry: { on_events: ["interruption"], duration: "90d" } });
    const id = await t.engine.takeOne(host);
    await t.engine.running(host, id);
    await t.engine.sync(host, [id]);
    t.clock.jump(jump);
    t.clock.advance(LEASE_TTL_MS - 1);
    expect(t.engine.capacity.get(host.id)?.instance.unreachable).toBe(false);
    t.clock.advance(LOST_AFTER_MS - LEASE_TTL_MS);
    expect(await t.engine.latest("job")).toMatchObject({ id, status: "running" });
    t.clock.advance(60_001);
    await waitFor("the loss", async () => (await t.engine.run("job")).status === "pending");
  });

  test(`a clock put ${told} between two starts of the coordinator cuts no claim short`, async () => {
    await using t = await openEngine();
    const host = await t.engine.addHost(hostRow(0));
    await t.engine.submit("job");
    const id = await t.engine.takeOne(host);
    t.clock.jump(jump);
    await t.restart();
    t.clock.advance(CLAIM_TIMEOUT_MS - 1);
    expect(await t.engine.latest("job")).toMatchObject({ id, status: "provisioning" });
    t.clock.advance(1);
    await waitFor("another attempt", async () => (await t.engine.submissions("job")).length === 2);
  });

  test(`a sync from before a clock was put ${told} does not lose the job that was confirmed since`, async () => {
    await using t = await openEngine();
    const host = await t.engine.addHost(hostRow(0));
    await t.engine.submit("job");
    const { epoch, revision } = await t.engine.sync(host);
    const id = (await t.engine.latest("job")).id;
    const request = { agent_version: "0.1.0", boot_id: "boot", session: host.id, held: [], sequence: 7 };
    const parked = t.engine.link.sync(
      host,
      { ...request, seen: { epoch, revision }, wait_ms: 45_000 },
      AbortSignal.timeout(10_000),
    );
    await waitFor("the sync to be parked", () => t.engine.agents.isWaiting(host.id));
    t.clock.jump(jump);
    await t.engine.running(host, id);
    t.engine.agents.wake(host.id);
    await parked;
    expect((await t.engine.run("job")).status).toBe("running");
  });
}

test("a host that comes for its job late is not given it: it could not confirm it in time", async () => {
  await using t = await openEngine();
  const host = await t.engine.addHost(hostRow(0));
  await t.engine.submit("job");
  t.clock.advance(CLAIM_GIVEN_MS - 1);
  expect(await t.engine.desired(host)).toHaveLength(1);
  t.clock.advance(1);
  expect(await t.engine.desired(host)).toEqual([]);
  t.clock.advance(CLAIM_TIMEOUT_MS - CLAIM_GIVEN_MS);
  await waitFor("another attempt", async () => (await t.engine.submissions("job")).length === 2);
  await waitFor("it on the host", async () => (await t.engine.latest("job")).status === "provisioning");
  expect(await t.engine.desired(host)).toHaveLength(1);
});

test("a host that only sent figures of its use before it was cut off is silent all the same", async () => {
  await using t = await openEngine();
  const host = await t.engine.addHost(hostRow(0));
  await t.engine.sync(host);
  await t.engine.usage.take(host, { sent_at: t.clock.now(), samples: [] });
  t.clock.advance(2 * LEASE_TTL_MS);
  await waitFor("the silence", () => t.engine.capacity.get(host.id)?.instance.unreachable === true);
});
