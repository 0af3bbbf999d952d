import { describe, expect, test } from "bun:test";
import { z } from "zod";
import { Event } from "../../shared/api/events.ts";
import { type Clock, systemClock } from "../../shared/clock.ts";
import { type Lab, openLab } from "./lab.ts";

/** Local times differ from run to run. */
const withoutTimes = (text: string): string[] =>
  text
    .trimEnd()
    .split("\n")
    .map((line) => line.replace(/^\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\] /, ""));

const withRun = async (): Promise<Lab> => {
  const lab = await openLab();
  lab.autopilot(() => ({ exitStatus: 0 }));
  await lab.task("train");
  await lab.person.run(["apply", "-f", "train.dstack.yml", "-y"]);
  return lab;
};

const RUN = [
  "[👤admin] [run train] Run submitted. Status: SUBMITTED",
  "[run train] Run status changed SUBMITTED -> PROVISIONING",
  "[run train] Run status changed PROVISIONING -> RUNNING",
  "[run train] Run status changed RUNNING -> TERMINATING. Termination reason: ALL_JOBS_DONE",
  "[run train] Run status changed TERMINATING -> DONE",
];

describe("event", () => {
  test("without a filter shows the whole project, oldest first", async () => {
    await using lab = await withRun();
    const { out, code } = await lab.person.run(["event"]);
    const lines = withoutTimes(out);
    expect(code).toBe(0);
    expect(lines[0]).toBe("[👤admin] [project main] Project created");
    expect(lines.filter((line) => line.includes("[run train]"))).toEqual(RUN);
    expect(lines).toContain("[instance lab-0] Instance created on host joining. Status: IDLE");
    // A line is never broken, however narrow the terminal is.
    expect((await lab.person.run(["event", "list"], { columns: 40 })).out).toBe(out);
  });

  test("shows what is about a run, a fleet, or one type of thing", async () => {
    await using lab = await withRun();
    const show = async (...argv: string[]) => withoutTimes((await lab.person.run(["event", ...argv])).out);
    expect(await show("--target-run", "train")).toEqual(RUN);
    expect(await show("--target-run", "main/train", "--since", "1h")).toEqual(RUN);
    const withinRun = await show("--within-run", "train");
    expect(withinRun).toHaveLength(12);
    expect(withinRun).toContain(
      "[job train-0-0, instance lab-0] Job assigned to instance. Instance blocks: 1/1 busy",
    );
    expect(await show("--within-run", "train", "--include-target-type", "run")).toEqual(RUN);
    const withinFleet = await show("--within-fleet", "lab");
    expect(withinFleet[0]).toBe("[👤admin] [fleet lab] Fleet created. Status: ACTIVE");
    expect(withinFleet).toContain("[instance lab-0] Instance status changed BUSY -> IDLE");
    const ofInstance = await show("--target-instance", "lab-0");
    expect(ofInstance[0]).toBe("[instance lab-0] Instance created on host joining. Status: IDLE");
    expect(ofInstance).not.toContain(RUN[0] ?? "");
    expect(await show("--target-instance", "main/lab-0")).toEqual(ofInstance);
    expect(await show("--target-run", "train", "--since", "0s")).toEqual([""]);
  });

  test("--json has the events of the API", async () => {
    await using lab = await withRun();
    const { out } = await lab.person.run(["event", "--target-run", "train", "--json"]);
    expect(out.trimEnd().split("\n")).toHaveLength(1);
    const { project, events } = z
      .object({ project: z.string(), events: z.array(Event) })
      .parse(JSON.parse(out));
    expect(project).toBe("main");
    expect(events.map(({ message }) => message)).toEqual(
      RUN.map((line) => line.replace(/^.*?\[run train\] /, "")),
    );
  });

  test("-w goes on with what comes, each event once, until Ctrl-C", async () => {
    await using lab = await withRun();
    const clock: Clock = { ...systemClock, after: (ms, fire) => systemClock.after(Math.min(ms, 20), fire) };
    const started = lab.person.start(["event", "-w", "--include-target-type", "run"], { clock });
    await started.waitForOut("TERMINATING -> DONE");
    await lab.task("again");
    await lab.person.run(["apply", "-f", "again.dstack.yml", "-y"]);
    await started.waitForOut(/\[run again\] Run status changed TERMINATING -> DONE/);
    started.interrupt();
    const { out, code } = await started.finished;
    expect(code).toBe(0);
    expect(withoutTimes(out)).toEqual([...RUN, ...RUN.map((line) => line.replace("train", "again"))]);
  });

  test.each([
    [["--target-run", "nothing"], 1, "Run nothing not found"],
    [["--within-fleet", "nothing"], 1, "Fleet nothing not found"],
    [["--target-instance", "nothing"], 1, "Instance nothing not found"],
    [["--target-gateway", "nothing"], 1, "Gateway nothing not found"],
    [["--target-run", "a", "--target-fleet", "b"], 2, "not allowed with argument"],
    [["--within-run", "a", "--within-fleet", "b"], 2, "not allowed with argument"],
    [["--include-target-type", "planet"], 2, "invalid choice: 'planet'"],
    [["--since", "soon"], 1, "Invalid datetime format: soon"],
    [["--json", "-w"], 1, "JSON output is not supported together with --watch"],
  ] as const)("%j is refused", async (argv, code, message) => {
    await using lab = await openLab();
    const finished = await lab.person.run(["event", ...argv]);
    expect(finished.out + finished.err).toContain(message);
    expect(finished.code).toBe(code);
  });
});
