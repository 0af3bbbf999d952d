import { expect, test } from "bun:test";
import { silentLogger } from "../../shared/log.ts";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { findInstance } from "../store/instances.ts";
import { openEngine } from "../testing/openEngine.ts";
import { hostRow } from "../testing/testEngine.ts";
import { forgetHosts } from "./forgetHosts.ts";

const HOUR_MS = 3_600_000;
/** Shorter than the silence that is noticed. */
const STEP_MS = 30_000;

const setUp = async () => {
  const t = await openEngine();
  const gone = hostRow(0);
  await t.engine.addHost(gone);
  const isGone = async () => (await findInstance(t.engine.db, gone.id))?.deleted;
  const beSilent = async () => {
    const silentAt = t.clock.now();
    // As long as a lease, and a look at who is silent; then the mark takes the time that it takes.
    for (let step = 0; step < 4; step++) {
      t.clock.advance(STEP_MS);
    }
    const isMarked = async () => (await findInstance(t.engine.db, gone.id))?.unreachable;
    await waitFor("the silence", isMarked, 30_000);
    return silentAt;
  };
  const { engine, fleets, db, capacity } = t.engine;
  const start = (afterMs: number) =>
    forgetHosts({ db, clock: t.clock, log: silentLogger, capacity, engine, fleets }, afterMs);
  return { t, gone, isGone, beSilent, start };
};

test("it is kept since when a host is silent, not since when that was noticed", async () => {
  const { t, gone, beSilent } = await setUp();
  await using _ = t;
  const silentAt = await beSilent();
  expect((await findInstance(t.engine.db, gone.id))?.unreachable_since).toBe(silentAt);
});

test("a host is forgotten after its time", async () => {
  const { t, isGone, beSilent, start } = await setUp();
  await using _ = t;
  await beSilent();
  const forgetting = start(2 * HOUR_MS);
  const pass = (ms: number) => {
    for (let left = ms; left > 0; left -= STEP_MS) {
      t.clock.advance(STEP_MS);
    }
  };
  pass(HOUR_MS);
  expect(await isGone()).toBe(false);
  await waitFor("the host to be forgotten", async () => {
    pass(HOUR_MS / 4);
    return isGone();
  });
  await forgetting.close();
});

test("no host is forgotten unless that is asked for", async () => {
  const { t, isGone, beSilent, start } = await setUp();
  await using _ = t;
  await beSilent();
  const forgetting = start(0);
  t.clock.advance(HOUR_MS);
  await forgetting.close();
  expect(await isGone()).toBe(false);
});

test("a host that speaks is not forgotten, beside one that is", async () => {
  const { t, isGone, start } = await setUp();
  await using _ = t;
  const speaking = await t.engine.addHost(hostRow(1));
  const forgetting = start(HOUR_MS);
  await waitFor(
    "the silent one to be forgotten",
    async () => {
      t.clock.advance(STEP_MS);
      await t.engine.sync(speaking, []);
      return isGone();
    },
    60_000,
  );
  await forgetting.close();
  expect((await findInstance(t.engine.db, speaking.id))?.deleted).toBe(false);
});
