import { expect, test } from "bun:test";
import { waitFor } from "../../../shared/testing/waitFor.ts";
import { openEngine } from "../../testing/openEngine.ts";
import { hostRow } from "../../testing/testEngine.ts";

test("how long runs waited for a host, and how often one began to wait", async () => {
  await using opened = await openEngine();
  const { engine, clock } = opened;
  const retry = { retry: { on_events: ["no-capacity"], duration: "4h" } };
  const waits = await engine.addHost(hostRow(0));
  await engine.submit("first");
  await engine.submit("second", retry);
  expect(engine.counters.list()).toMatchObject([
    { runType: "task", pending: 1, provisioned: 1, waitedSeconds: 0 },
  ]);
  const id = await engine.takeOne(waits);
  await engine.running(waits, id);
  clock.advance(40_000);
  await engine.finished(waits, id, { exit: 0 });
  await waitFor("the second run to have the host", () => engine.counters.list()[0]?.provisioned === 2);
  const [counts] = engine.counters.list();
  expect(counts).toMatchObject({ pending: 1, provisioned: 2, waitedSeconds: 40 });
  // 15, 30 and 45 seconds.
  expect(counts?.within.slice(0, 3)).toEqual([1, 1, 2]);
});
