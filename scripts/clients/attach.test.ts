import { expect, test } from "bun:test";
import { openLab } from "./lab.ts";

test("attach --logs stays with a run; Ctrl-C leaves the run alone, without a question", async () => {
  await using lab = await openLab();
  await lab.task("talker");
  await lab.person.run(["apply", "-f", "talker.dstack.yml", "-yd"]);
  const id = await lab.agent.take();
  await lab.agent.running(id);
  await lab.agent.log(id, "one\n");
  const [left, stayed] = [
    lab.person.start(["attach", "talker", "--logs"]),
    lab.person.start(["attach", "talker", "--logs"]),
  ];
  for (const each of [left, stayed]) await each.waitForOut("one\n");
  left.interrupt();
  const { code, out } = await left.finished;
  expect([code, out.endsWith("one\n\nDetached\n")]).toEqual([0, true]);
  await lab.agent.finished(id, 3);
  expect(await stayed.finished).toMatchObject({ code: 1, out: expect.stringContaining("Exited (3)") });
  expect(await lab.person.run(["attach", "talker", "--logs"])).toEqual({
    code: 1,
    out: "Run talker is failed\n",
    err: "",
  });
});

test.each([
  [["attach", "talker", "--logs", "--job", "1"], "Failed to find replica=<any running> job=1\n"],
  [["attach", "talker", "--replica", "3"], "Failed to find replica=3 job=0\n"],
  [["attach", "talker", "--ssh-identity", "none"], "Unable to read the SSH key at "],
  [["attach", "talker", "--job", "1"], "Failed to find replica=<any running> job=1\n"],
  [["attach", "talker", "-p", "80"], "Cannot override port 80 not exposed by the run\n"],
  [["attach", "ghost"], "Run ghost not found\n"],
  [["preset"], "Presets are not supported yet\n"],
  [["preset", "get", "01234567", "--json"], "Presets are not supported yet\n"],
])("%j says what it waits for", async (argv, said) => {
  await using lab = await openLab();
  await lab.task("talker");
  await lab.person.run(["apply", "-f", "talker.dstack.yml", "-yd"]);
  const { code, out, err } = await lab.person.run(argv);
  expect(out).toStartWith(said);
  expect([code, err]).toEqual([1, ""]);
});
