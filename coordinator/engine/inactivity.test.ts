/** `inactivity_duration`: state × event, as hosts tell it (docs/dev-environments.md). */
import { describe, expect, test } from "bun:test";
import { RunSpec } from "../../shared/api/runs.ts";
import { FakeClock } from "../../shared/testing/fakeClock.ts";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { patchRun } from "../store/runs.ts";
import { hostRow, TestEngine } from "../testing/testEngine.ts";

const MINUTE = 60_000;
const LIMIT_S = 600;

/** A dev environment that may be idle for ten minutes, on a host that syncs as it is told. */
const open = async () => {
  const dir = tempDir();
  const clock = new FakeClock();
  let engine = await TestEngine.open(dir.path, clock);
  const host = await engine.addHost(hostRow(0));
  const other = await engine.addHost(hostRow(1));
  await engine.submit("lab", { type: "dev-environment", inactivity_duration: LIMIT_S });
  const id = await engine.takeOne(host);
  await engine.running(host, id);
  const settle = async () => {
    await engine.engine.withRun((await engine.run("lab")).id, () => {});
  };
  const steps: Record<string, (minutes: number) => Promise<void>> = {
    idle: async (minutes) => void (await engine.syncIdle(host, id, minutes * MINUTE)),
    passes: async (minutes) => clock.advance(minutes * MINUTE),
    limit: async (minutes) => {
      const run = await engine.run("lab");
      const spec = RunSpec.parse(run.spec);
      const configuration = { ...spec.configuration, inactivity_duration: minutes * 60 || null };
      await engine.engine.withRun(run.id, (draft) => {
        const changed = RunSpec.parse({ ...spec, configuration });
        draft.add({ statements: [patchRun(engine.db, run.id, { spec: changed })], effects: [] });
      });
    },
    restart: async () => {
      await engine[Symbol.asyncDispose]();
      engine = await TestEngine.open(dir.path, clock);
    },
    // An agent of before, which knows nothing of this.
    silent: async () => void (await engine.sync(host, [id])),
    "another-host": async (minutes) => void (await engine.syncIdle(other, id, minutes * MINUTE)),
  };
  const play = async (text: string) => {
    for (const step of text.split(", ")) {
      const [name = "", minutes] = step.split(" ");
      await steps[name]?.(Number(minutes ?? 0));
      await settle();
    }
  };
  return {
    play,
    host,
    latest: () => engine.latest("lab"),
    run: () => engine.run("lab"),
    secs: async () => engine.engine.inactivityOf(await engine.latest("lab")),
    revision: () => engine.agents.revision(host.id),
    [Symbol.asyncDispose]: async () => {
      await engine[Symbol.asyncDispose]();
      dir[Symbol.dispose]();
    },
  };
};

const TABLE: [state: string, event: string, ends: boolean][] = [
  ["idle 0", "idle 9", false],
  ["idle 0", "idle 10", true],
  ["idle 0", "passes 30", false],
  ["idle 9", "passes 30", false],
  ["idle 9", "idle 0", false],
  ["idle 9, passes 5", "idle 10", true],
  ["idle 9, passes 5", "silent", false],
  // What was said under another limit ends nothing: who has come since is not known.
  ["idle 9", "limit 5", false],
  ["idle 9", "limit 5, idle 0", false],
  ["idle 9", "limit 5, idle 9", true],
  ["idle 9", "limit 20, idle 15", false],
  ["idle 9", "limit 0, idle 60", false],
  ["limit 0, idle 60", "limit 5, idle 60", true],
  ["idle 0", "another-host 60", false],
  // The host tells it all again.
  ["idle 9, restart", "idle 9", false],
  ["idle 9, restart", "idle 10", true],
  ["idle 9, passes 30, restart", "idle 1", false],
];

describe("a dev environment with a limit of 10 minutes", () => {
  test.each(TABLE)("%s | %s: ends %p", async (state, event, ends) => {
    await using lab = await open();
    await lab.play(`${state}, ${event}`);
    const { termination_reason: reason, status } = await lab.latest();
    expect([status, reason]).toEqual(
      ends ? ["terminating", "inactivity_duration_exceeded"] : ["running", null],
    );
  });

  test("says why", async () => {
    await using lab = await open();
    await lab.play("idle 10");
    expect((await lab.latest()).termination_reason_message).toBe(
      "Nobody was connected for 10m, the job's inactivity_duration",
    );
  });

  test("its host is asked when the limit may be reached, and not before", async () => {
    await using lab = await open();
    await lab.play("idle 4");
    const first = lab.revision();
    await lab.play("passes 5");
    expect(lab.revision()).toBe(first);
    await lab.play("passes 1");
    expect(lab.revision()).toBe(first + 1);
    await lab.play("idle 2, passes 7");
    expect(lab.revision()).toBe(first + 1);
  });

  test("is told with the time since its host spoke, as long as that is there", async () => {
    await using lab = await open();
    expect(await lab.secs()).toBeUndefined();
    await lab.play("idle 4");
    expect(await lab.secs()).toBe(240);
    await lab.play("passes 30");
    expect(await lab.secs()).toBe(240);
    await lab.play("idle 0");
    expect(await lab.secs()).toBe(0);
  });
});
