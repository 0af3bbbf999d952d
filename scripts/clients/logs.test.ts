import { describe, expect, test } from "bun:test";
import { openLab } from "./lab.ts";

describe("logs", () => {
  test("prints the bytes as they are, of the job that is meant", async () => {
    await using lab = await openLab();
    lab.autopilot(() => ({ output: "wörd one\ncount 1\r\ntail without newline", exitStatus: 0 }));
    await lab.task("talker");
    await lab.person.run(["apply", "-f", "talker.dstack.yml", "-y"]);
    const logs = (...args: string[]) => lab.person.run(["logs", "talker", ...args]);
    const all = { code: 0, out: "wörd one\ncount 1\r\ntail without newline", err: "" };
    expect(await logs()).toEqual(all);
    expect(await logs("--since", "2h")).toEqual(all);
    expect(await logs("--job", "4")).toEqual({ code: 0, out: "", err: "" });
    expect(await logs("--replica", "1")).toEqual({ code: 0, out: "", err: "" });
    expect(await lab.person.run(["logs", "ghost"])).toEqual({
      code: 1,
      out: "Run ghost not found\n",
      err: "",
    });
  });

  test("-f prints what comes, and ends with the job or at Ctrl-C", async () => {
    await using lab = await openLab();
    await lab.task("talker");
    await lab.person.run(["apply", "-f", "talker.dstack.yml", "-yd"]);
    const submission = await lab.agent.take();
    await lab.agent.running(submission);
    await lab.agent.log(submission, "first\n");
    const [left, stayed] = [
      lab.person.start(["logs", "talker", "-f"]),
      lab.person.start(["logs", "talker", "-f"]),
    ];
    await left.waitForOut("first\n");
    await stayed.waitForOut("first\n");
    left.interrupt();
    expect(await left.finished).toEqual({ code: 0, out: "first\n", err: "" });
    await lab.agent.log(submission, "second\n");
    await lab.agent.finished(submission, 3);
    expect(await stayed.finished).toEqual({ code: 0, out: "first\nsecond\n", err: "" });
    expect(await lab.person.run(["logs", "talker", "-f"])).toEqual({
      code: 0,
      out: "first\nsecond\n",
      err: "",
    });
  });

  test("prints what there is of a run that goes on, and does not wait", async () => {
    await using lab = await openLab();
    lab.autopilot(() => ({ output: "so far\n" }));
    await lab.task("talker");
    const apply = lab.person.start(["apply", "-f", "talker.dstack.yml", "-y"]);
    await apply.waitForOut("so far\n");
    expect(await lab.person.run(["logs", "talker"])).toEqual({ code: 0, out: "so far\n", err: "" });
    apply.interrupt();
    await apply.finished;
  });

  test("--tail shows the last lines, and with -f everything from then on", async () => {
    await using lab = await openLab();
    await lab.task("talker");
    await lab.person.run(["apply", "-f", "talker.dstack.yml", "-yd"]);
    const id = await lab.agent.take();
    await lab.agent.running(id);
    await lab.agent.log(id, "one\ntwo\nthree\nfo");
    expect((await lab.person.run(["logs", "talker", "--tail", "2"])).out).toBe("three\nfo");
    expect((await lab.person.run(["logs", "talker", "--tail", "0"])).out).toBe("");
    const [raw, stamped] = [
      lab.person.start(["logs", "talker", "--tail", "1", "-f"]),
      lab.person.start(["logs", "talker", "--tail", "1", "-f", "-t"]),
    ];
    await raw.waitForOut("fo");
    await stamped.waitForOut("fo");
    await lab.agent.log(id, "ur\nfive\n");
    await lab.agent.finished(id, 0);
    expect((await raw.finished).out).toBe("four\nfive\n");
    expect((await stamped.finished).out.replaceAll(TIME, "T")).toBe("T four\nT five\n");
    expect((await lab.person.run(["logs", "talker", "--tail", "-1"])).code).toBe(2);
  });

  test("-t puts the time before each line, also of those that were printed in pieces", async () => {
    await using lab = await openLab();
    await lab.task("talker");
    await lab.person.run(["apply", "-f", "talker.dstack.yml", "-yd"]);
    const id = await lab.agent.take();
    await lab.agent.running(id);
    for (const text of ["be", "gun\n\nnext", "\n"]) await lab.agent.log(id, text);
    const { out } = await lab.person.run(["logs", "talker", "-t"]);
    expect(out.replaceAll(TIME, "T")).toBe("T begun\nT \nT next\n");
    const [time = ""] = out.match(TIME) ?? [];
    expect(Math.abs(Date.parse(time) - Date.now())).toBeLessThan(60_000);
  });

  test("--since and -f together: what came after, and what is to come", async () => {
    await using lab = await openLab();
    await lab.task("talker");
    await lab.person.run(["apply", "-f", "talker.dstack.yml", "-yd"]);
    const id = await lab.agent.take();
    await lab.agent.running(id);
    await lab.agent.log(id, "long ago\n");
    const future = new Date(Date.now() + 3_600_000).toISOString();
    const following = lab.person.start(["logs", "talker", "-f", "--since", future]);
    await lab.agent.finished(id, 0);
    expect((await following.finished).out).toBe("");
    expect((await lab.person.run(["logs", "talker", "-f", "--since", "1h"])).out).toBe("long ago\n");
  });
});

const TIME = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z/g;
