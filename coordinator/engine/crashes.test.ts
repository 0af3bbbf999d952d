/**
 * The coordinator dies between a commit and what is to follow it, and starts again over the same store: for each kind of
 * effect the right end comes all the same (docs/adr/0011-effects-after-commit.md).
 */
import { describe, expect, test } from "bun:test";
import { isFinalRun } from "../../shared/states.ts";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { removeInstance } from "../domain/fleets/deleteFleets.ts";
import { findInstance } from "../store/instances.ts";
import { findRunByName } from "../store/runs.ts";
import { findToldWrong, readerOf } from "../testing/findToldWrong.ts";
import { killAfterCommit } from "../testing/killAfterCommit.ts";
import { listTold } from "../testing/listTold.ts";
import { type OpenedEngine, openEngine } from "../testing/openEngine.ts";
import { hostRow } from "../testing/testEngine.ts";
import {
  CLAIM_TIMEOUT_MS,
  DEFAULT_SILENCE_MS,
  patienceOf,
  STOP_GRACE_MS,
  STOP_MARGIN_MS,
} from "./engineDeps.ts";

const { leaseTtlMs: LEASE_TTL_MS } = patienceOf(DEFAULT_SILENCE_MS);

const HOST = hostRow(0);
const OTHER = hostRow(1);
const RETRY = { retry: true };

type Step = (opened: OpenedEngine) => Promise<unknown>;

const runId = async ({ engine }: OpenedEngine, name: string) => (await engine.run(name)).id;
const jobId = async ({ engine }: OpenedEngine, name: string) => (await engine.latest(name)).id;
const reaches = ({ engine }: OpenedEngine, name: string, status: string) =>
  waitFor(`${name} to be ${status}`, async () => (await engine.run(name)).status === status);
const isBusyWith = async ({ engine }: OpenedEngine, name: string) => {
  const { id } = await engine.latest(name);
  expect([...(engine.capacity.get(HOST.id)?.occupants.keys() ?? [])]).toEqual([id]);
};
const addHost: Step = ({ engine }) => engine.addHost(HOST);
const placed: Step = async (opened) => {
  await addHost(opened);
  await opened.engine.submit("a");
};
const running: Step = async (opened) => {
  await placed(opened);
  await opened.engine.running(HOST, await opened.engine.takeOne(HOST));
};
const runningWithAnother: Step = async (opened) => {
  await running(opened);
  await opened.engine.submit("b", RETRY);
};
const stop: Step = async (opened) => opened.engine.engine.stopRun(await runId(opened, "a"), false);
const finish: Step = async (opened) => opened.engine.finished(HOST, await jobId(opened, "a"), { exit: 0 });

interface Crash {
  effect: string;
  before: Step;
  /** What is under way when the process dies. */
  step: Step;
  /** Commits of it that are made. */
  commits?: number;
  /** In the process that starts afterwards. */
  after: Step;
}

const TABLE: Crash[] = [
  {
    effect: "the host of a run that is submitted is woken, and taken in memory",
    before: addHost,
    step: ({ engine }) => engine.submit("a"),
    after: async (opened) => {
      expect((await opened.engine.run("a")).status).toBe("provisioning");
      await isBusyWith(opened, "a");
      await opened.engine.submit("b", RETRY);
      expect((await opened.engine.run("b")).status).toBe("pending");
      expect(await opened.engine.takeOne(HOST)).toBe(await jobId(opened, "a"));
    },
  },
  {
    effect: "a run for which there is no host waits in the queue",
    before: running,
    step: ({ engine }) => engine.submit("b", RETRY),
    commits: 3,
    after: async (opened) => {
      expect(opened.engine.engine.positionOf(await runId(opened, "b"))).toMatchObject({ position: 1 });
      await finish(opened);
      await reaches(opened, "b", "provisioning");
    },
  },
  {
    effect: "the host of a job that ends is free, and who waits for it gets it",
    before: runningWithAnother,
    step: finish,
    after: async (opened) => {
      expect(await opened.engine.run("a")).toMatchObject({
        status: "done",
        termination_reason: "all_jobs_done",
      });
      await reaches(opened, "b", "provisioning");
      await isBusyWith(opened, "b");
      expect(await opened.engine.takeOne(HOST)).toBe(await jobId(opened, "b"));
    },
  },
  {
    effect: "the host of a job that is to stop is woken, and its end is waited for no longer than that",
    before: running,
    step: stop,
    after: async (opened) => {
      const id = await jobId(opened, "a");
      expect(await opened.engine.desired(HOST, [id])).toEqual([
        { action: "stop", submission_id: id, grace_ms: STOP_GRACE_MS },
      ]);
      opened.clock.advance(STOP_GRACE_MS + STOP_MARGIN_MS);
      await reaches(opened, "a", "terminated");
    },
  },
  {
    effect: "a job that no host has taken is tried anew",
    before: placed,
    step: async (opened) => {
      opened.clock.advance(CLAIM_TIMEOUT_MS);
    },
    after: async (opened) => {
      const [first, second] = await opened.engine.submissions("a");
      expect([first?.status, second?.status]).toEqual(["failed", "provisioning"]);
      expect(await opened.engine.finished(HOST, first?.id ?? "", { exit: 0 })).toBe("fenced");
      expect(await opened.engine.takeOne(HOST)).toBe(second?.id ?? "");
    },
  },
  {
    effect: "nodes whose turn has come are begun",
    before: async (opened) => {
      for (const host of [HOST, OTHER]) await opened.engine.addHost(host);
      await opened.engine.submit("a", { nodes: 2, startup_order: "master-first" });
      await opened.engine.takeOne(HOST);
    },
    step: async (opened) => {
      const [master] = await opened.engine.submissions("a");
      await opened.engine.running(HOST, master?.id ?? "");
    },
    commits: 2,
    after: async (opened) => {
      const [, worker] = await opened.engine.submissions("a");
      expect(await opened.engine.takeOne(OTHER)).toBe(worker?.id ?? "");
    },
  },
  {
    effect: "a silent host gets no job",
    before: addHost,
    step: async (opened) => {
      opened.clock.advance(2 * LEASE_TTL_MS);
    },
    after: async (opened) => {
      expect(opened.engine.capacity.get(HOST.id)?.instance.unreachable).toBe(true);
      await opened.engine.submit("a", RETRY);
      expect((await opened.engine.run("a")).status).toBe("pending");
      await opened.engine.sync(HOST);
      await reaches(opened, "a", "provisioning");
    },
  },
  {
    effect: "a host that is back gets jobs",
    before: async (opened) => {
      await addHost(opened);
      opened.clock.advance(2 * LEASE_TTL_MS);
      await waitFor("the mark", async () => (await findInstance(opened.engine.db, HOST.id))?.unreachable);
      await waitFor("its effect", () => opened.engine.capacity.get(HOST.id)?.instance.unreachable);
      await opened.engine.submit("a", RETRY);
    },
    step: ({ engine }) => engine.sync(HOST),
    after: (opened) => reaches(opened, "a", "provisioning"),
  },
  {
    effect: "a host that is taken out gets no job",
    before: addHost,
    step: ({ engine }) => removeInstance(engine, HOST, "ann"),
    after: async (opened) => {
      expect(opened.engine.capacity.get(HOST.id)).toBeUndefined();
      await opened.engine.submit("a", RETRY);
      expect((await opened.engine.run("a")).status).toBe("pending");
    },
  },
  {
    effect: "a host that is cordoned gets no job",
    before: addHost,
    step: ({ engine }) => engine.engine.setCordon(HOST, { at: 0, by: "ann", reason: "" }, "ann"),
    after: async (opened) => {
      await opened.engine.submit("a", RETRY);
      expect((await opened.engine.run("a")).status).toBe("pending");
    },
  },
  {
    effect: "a job whose whole output is held may be forgotten",
    before: async (opened) => {
      await running(opened);
      await opened.engine.finished(HOST, await jobId(opened, "a"), { exit: 0, logBytes: 3 });
    },
    step: async (opened) => {
      const chunk = { bytes: Buffer.from("hi\n"), offset: 0, at: opened.clock.now() };
      await opened.engine.link.appendLog(HOST, await jobId(opened, "a"), chunk);
    },
    after: async (opened) => {
      const id = await jobId(opened, "a");
      expect(await opened.engine.desired(HOST, [id])).toEqual([]);
      const again = { bytes: new Uint8Array(), offset: 3, at: opened.clock.now() };
      expect(await opened.engine.link.appendLog(HOST, id, again)).toMatchObject({ length: 3 });
    },
  },
];

describe.each(TABLE)("$effect", ({ before, step, commits, after }) => {
  test("also when the coordinator dies before", async () => {
    await using opened = await openEngine();
    await before(opened);
    const death = killAfterCommit(opened.engine.db, commits);
    step(opened).catch(() => {});
    await death;
    await opened.reopen();
    await after(opened);
    expect(await findToldWrong(readerOf(opened.engine.db))).toEqual([]);
  });
});

/** A host's agent that does what it is told, and says again what it is not sure to have been heard. */
const actOnce = async ({ engine }: OpenedEngine, held: Set<string>): Promise<void> => {
  for (const wish of (await engine.sync(HOST, [...held])).desired) {
    const { submission_id: id } = wish;
    if (wish.action !== "run") continue;
    held.add(id);
    await engine.running(HOST, id);
    await engine.finished(HOST, id, { exit: 0 });
  }
};

/** Two runs that share one host, one after the other, to their ends. */
const playToTheEnd = async (opened: OpenedEngine, held: Set<string>): Promise<void> => {
  for (const name of ["a", "b"])
    if (!(await findRunByName(opened.engine.db, HOST.project_id, name)))
      await opened.engine.submit(name, RETRY);
  await waitFor("both ends", async () => {
    await actOnce(opened, held);
    const runs = await Promise.all(["a", "b"].map((name) => opened.engine.run(name)));
    return runs.every(({ status }) => isFinalRun(status));
  });
};

test("after whichever commit the coordinator dies, all comes to the same end, and is told once", async () => {
  let deaths = 0;
  for (let isOver = false; !isOver; ) {
    await using opened = await openEngine();
    await addHost(opened);
    const held = new Set<string>();
    const death = killAfterCommit(opened.engine.db, deaths + 1).then(() => "death");
    const end = await Promise.race([death, playToTheEnd(opened, held).then(() => "end")]);
    if (end === "death") {
      deaths++;
      await opened.reopen();
      await playToTheEnd(opened, held);
    } else isOver = true;
    const { db, capacity } = opened.engine;
    for (const name of ["a", "b"]) {
      expect(await opened.engine.run(name)).toMatchObject({ status: "done" });
      const attempts = await opened.engine.submissions(name);
      expect(attempts.filter(({ instance_id }) => instance_id !== null)).toHaveLength(1);
    }
    expect((await findInstance(db, HOST.id))?.status).toBe("idle");
    expect(capacity.get(HOST.id)?.occupants.size).toBe(0);
    expect(await findToldWrong(readerOf(db))).toEqual([]);
    const told = await listTold(db);
    expect(told.filter((line) => line.includes("TERMINATING -> DONE"))).toHaveLength(4);
    expect(told.filter((line) => line.includes("Run submitted"))).toHaveLength(2);
  }
  expect(deaths).toBeGreaterThan(7);
}, 60_000);
