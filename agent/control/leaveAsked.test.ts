import { expect, test } from "bun:test";
import { createLogger } from "../../shared/log.ts";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { LeaveAsked } from "./leaveAsked.ts";

const setUp = ({ jobs = 0, fails = 0 } = {}) => {
  const done: string[] = [];
  const state = { jobs, fails };
  const stop = new AbortController();
  const leaving = new LeaveAsked({
    held: () => state.jobs,
    drain: () => void done.push("drain"),
    leave: async (force) => {
      if (state.fails-- > 0) throw new Error("not now");
      done.push(`leave ${force}`);
    },
    uninstall: () => void done.push("uninstall"),
    log: createLogger({ level: "error", format: "json", write: () => {} }),
    signal: stop.signal,
  });
  return { leaving, done, state, stop };
};

test("it waits for the jobs, and does it once, however often it is asked", async () => {
  const { leaving, done, state } = setUp({ jobs: 1 });
  for (let time = 0; time < 3; time++) leaving.asked({ force: false, uninstall: true });
  expect(done).toEqual(["drain"]);
  state.jobs = 0;
  await waitFor("the end", () => done.includes("uninstall"), 10_000);
  expect(done).toEqual(["drain", "leave false", "uninstall"]);
});

test("with force it waits for nobody, also when that is said later", async () => {
  const { leaving, done } = setUp({ jobs: 1 });
  leaving.asked({ force: false, uninstall: false });
  leaving.asked({ force: true, uninstall: false });
  await waitFor("the end", () => done.includes("leave true"), 10_000);
  expect(done).not.toContain("uninstall");
});

test("nothing is uninstalled while the coordinator could not be told, and the next wish is another try", async () => {
  const { leaving, done } = setUp({ fails: 1 });
  leaving.asked({ force: false, uninstall: true });
  await leaving[Symbol.asyncDispose]();
  expect(done).toEqual(["drain"]);
  leaving.asked({ force: false, uninstall: true });
  await waitFor("the end", () => done.includes("uninstall"), 10_000);
});

test("an agent that ends does not leave", async () => {
  const { leaving, done, stop } = setUp({ jobs: 1 });
  leaving.asked({ force: false, uninstall: true });
  stop.abort();
  await leaving[Symbol.asyncDispose]();
  expect(done).toEqual(["drain"]);
});
