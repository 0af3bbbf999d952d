import { describe, expect, test } from "bun:test";
import { Metrics } from "../../shared/api/metrics.ts";
import { type Clock, systemClock } from "../../shared/clock.ts";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { type Lab, openLab } from "./lab.ts";

/** A run that has used half of two cores for a minute. */
const startBurner = async (lab: Lab): Promise<string> => {
  await lab.task("burner");
  await lab.person.run(["apply", "-f", "burner.dstack.yml", "-yd"]);
  const id = await lab.agent.take();
  await lab.agent.running(id);
  return id;
};

const use = (lab: Lab, id: string, endsAt: number): Promise<void> =>
  lab.agent.use(
    [0, 1, 2, 3].map((at) => ({
      at: endsAt - (3 - at) * 10_000,
      jobs: [
        {
          submission_id: id,
          cpu_us: at * 40_000_000,
          memory_bytes: 9 * 1024 ** 3,
          working_set_bytes: 8 * 1024 ** 3,
          gpus: [],
        },
      ],
    })),
  );

describe("metrics", () => {
  test("shows what there is, drawn and in figures", async () => {
    await using lab = await openLab();
    const id = await startBurner(lab);
    expect((await lab.person.run(["metrics", "burner"])).out).toBe(
      "             UTILIZATION  MEMORY\n job=0  cpu  no data      no data\n",
    );
    await use(lab, id, Date.now());
    const { out, code } = await lab.person.run(["metrics", "burner"]);
    expect(code).toBe(0);
    expect(out).toMatch(/^ job=0 {2}cpu +▄ 50% +▂ 8GB\/32GB$/m);
    expect(out).toMatch(/┄ now +\d+ \w+ \d\d:\d\d ┄+ now$/m);
  });

  test("--json has every series of every job", async () => {
    await using lab = await openLab();
    const id = await startBurner(lab);
    await use(lab, id, Date.now());
    const { out } = await lab.person.run(["metrics", "burner", "--json"]);
    const { project, run_name, jobs } = JSON.parse(out);
    expect({ project, run_name, jobs: jobs.length }).toEqual({
      project: "main",
      run_name: "burner",
      jobs: 1,
    });
    expect(jobs[0]).toMatchObject({ replica_num: 0, job_num: 0, job_name: "burner-0-0" });
    const { metrics } = Metrics.parse(jobs[0]);
    expect(metrics.find(({ name }) => name === "cpu_usage_percent")?.values).toEqual([400, 400, 400]);
  });

  test("-w shows it again, over the last one, until Ctrl-C", async () => {
    let pause = Promise.withResolvers<() => void>();
    const clock: Clock = {
      ...systemClock,
      after: (_, fire) => {
        pause.resolve(fire);
        return () => {};
      },
    };
    await using lab = await openLab({ isTerminal: true, env: { NO_COLOR: "1" } });
    const id = await startBurner(lab);
    const started = lab.person.start(["metrics", "burner", "-w"], { clock });
    await started.waitForOut("no data");
    const again = await pause.promise;
    await use(lab, id, Date.now());
    pause = Promise.withResolvers();
    again();
    await started.waitForOut("50%");
    await pause.promise;
    started.interrupt();
    const { code, out } = await started.finished;
    expect(code).toBe(0);
    const second = out.slice(out.indexOf("\x1b[2A\r"));
    // Each line replaces the old one; nothing is erased before it is drawn again.
    expect(second).toMatch(/^\x1b\[2A\r {13}UTILIZATION/);
    expect(out.match(/\x1b\[J/g)).toHaveLength(2);
  });

  test("says which job there is not", async () => {
    await using lab = await openLab();
    await startBurner(lab);
    const refused = async (...args: string[]) => {
      const { code, out } = await lab.person.run(["metrics", ...args]);
      return { code, out: out.trim() };
    };
    expect(await refused("burner", "--replica", "2")).toEqual({
      code: 1,
      out: "Run burner has no job matching replica=2",
    });
    expect(await refused("burner", "--replica", "0", "--job", "3")).toEqual({
      code: 1,
      out: "Run burner has no job matching replica=0 job=3",
    });
    expect(await refused("nobody")).toEqual({ code: 1, out: "Run nobody not found" });
    expect((await refused("burner", "-w", "--json")).out).toBe(
      "JSON output is not supported together with --watch",
    );
    await waitFor("the run", async () => (await lab.getRun("burner")).status === "running");
  });
});
