import { describe, expect, test } from "bun:test";
import { Run } from "../../shared/api/runs.ts";
import { FakeClock } from "../../shared/testing/fakeClock.ts";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { openLab } from "./lab.ts";

describe("run wait", () => {
  test("ends with the run, with 0 if it is done", async () => {
    await using lab = await openLab();
    await lab.task("good");
    await lab.person.run(["apply", "-f", "good.dstack.yml", "-yd"]);
    const waiting = lab.person.start(["run", "wait", "good"]);
    const running = lab.person.start(["run", "wait", "good", "--for", "running"]);
    const never = lab.person.start(["run", "wait", "good", "--for", "failed"]);
    const id = await lab.agent.take();
    await lab.agent.running(id);
    expect(await running.finished).toEqual({ code: 0, out: "Run good is running\n", err: "" });
    await lab.agent.finished(id, 0);
    const done = { code: 0, out: "Run good is done\n", err: "" };
    expect(await waiting.finished).toEqual(done);
    expect(await never.finished).toEqual({ ...done, code: 1 });
    // What is over is not waited for; a short run was running before anybody could see it.
    expect(await lab.person.run(["run", "wait", "good", "--for", "running"])).toEqual(done);
    const { out } = await lab.person.run(["run", "wait", "good", "--json"]);
    expect(Run.parse(JSON.parse(out)).status).toBe("done");
  });

  test("ends with 1 if the run failed", async () => {
    await using lab = await openLab();
    lab.autopilot(() => ({ exitStatus: 3 }));
    await lab.task("bad");
    await lab.person.run(["apply", "-f", "bad.dstack.yml", "-yd"]);
    expect(await lab.person.run(["run", "wait", "bad"])).toMatchObject({
      code: 1,
      out: expect.stringMatching(/^Run bad is failed/),
    });
    expect((await lab.person.run(["run", "wait", "bad", "--for", "running"])).code).toBe(1);
    expect((await lab.person.run(["run", "wait", "bad", "--for", "failed"])).code).toBe(0);
  });

  test("waits no longer than it is told to, and says what it saw last", async () => {
    await using lab = await openLab();
    await lab.task("slow");
    await lab.person.run(["apply", "-f", "slow.dstack.yml", "-yd"]);
    await lab.agent.running(await lab.agent.take());
    const clock = new FakeClock();
    const started = lab.person.start(["run", "wait", "slow", "--timeout", "1h"], {
      clock,
      isTerminal: true,
    });
    await started.waitForOut("slow is running, waiting for it to be finished...");
    clock.advance(3_600_000);
    const { code, out } = await started.finished;
    expect(code).toBe(124);
    expect(out).toEndWith("Run slow is running still, not finished\n");
  });

  test("a name that is not there, and words that mean nothing", async () => {
    await using lab = await openLab();
    await lab.task("trainer");
    await lab.person.run(["apply", "-f", "trainer.dstack.yml", "-yd"]);
    expect(await lab.person.run(["run", "wait", "trianer"])).toEqual({
      code: 1,
      out: "Run trianer not found\nDid you mean trainer?\n",
      err: "",
    });
    expect((await lab.person.run(["run", "wait", "trainer", "--for", "lunch"])).code).toBe(2);
    expect((await lab.person.run(["run", "wait", "trainer", "--timeout", "soon"])).code).toBe(2);
  });
});

describe("the forms of what is shown", () => {
  test("a list is a table, a wider table, JSON on one line, or YAML", async () => {
    await using lab = await openLab();
    await lab.task("first");
    await lab.person.run(["apply", "-f", "first.dstack.yml", "-yd"]);
    await waitFor("the run on a host", async () => (await lab.agent.take()) !== undefined);
    const list = async (...args: string[]) => (await lab.person.run(["run", "list", ...args])).out;
    expect(await list()).toBe((await lab.person.run(["ps"])).out);
    expect(await list("-o", "plain")).not.toContain("RESOURCES");
    expect(await list("-o", "wide")).toContain("RESOURCES");
    const json = await list("-o", "json");
    expect(json.split("\n")).toHaveLength(2);
    expect(await list("--json")).toBe(json);
    expect(await list("--format", "json")).toBe(json);
    const yaml = await list("-o", "yaml");
    expect(yaml).toStartWith("project: main\nruns:\n  - id: ");
    expect(Bun.YAML.parse(yaml)).toEqual(JSON.parse(json));
  });

  test.each(["ps", "fleet", "instance", "secret", "event", "offer", "project", "fleet token"])(
    "dstack %s -o json and yaml say the same, and nothing else is printed",
    async (words) => {
      await using lab = await openLab();
      const argv = words.split(" ");
      const json = await lab.person.run([...argv, "-o", "json"]);
      expect(json).toMatchObject({ code: 0, err: "" });
      const yaml = await lab.person.run([...argv, "-o", "yaml"]);
      const { project, projects } = JSON.parse(json.out);
      expect(project ?? projects).toEqual(argv[0] === "project" ? [] : "main");
      expect(Object.keys(Bun.YAML.parse(yaml.out) as object)).toEqual(Object.keys(JSON.parse(json.out)));
      expect((await lab.person.run([...argv, "-o", "xml"])).code).toBe(2);
    },
  );

  test("of one thing, a form has to be named", async () => {
    await using lab = await openLab();
    const get = (...args: string[]) => lab.person.run(["fleet", "get", "lab", ...args]);
    expect(await get()).toMatchObject({
      code: 2,
      err: expect.stringContaining("the following arguments are required: --json"),
    });
    const [json, yaml] = [await get("--json"), await get("-o", "yaml")];
    expect(json.out).toStartWith('{\n  "id": ');
    expect(Bun.YAML.parse(yaml.out)).toMatchObject({ name: "lab", id: JSON.parse(json.out).id });
  });
});
