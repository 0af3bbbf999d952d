import { expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { silentLogger, teeLogger } from "../../shared/log.ts";
import { MAX_AGENT_LOG_BYTES } from "../../shared/protocol/agentLog.ts";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { AgentLogs } from "./agentLogs.ts";

const setUp = () => {
  const dir = tempDir();
  for (const id of ["a", "b"]) mkdirSync(join(dir.path, id));
  const sent: { id: string; offset: number; text: string }[] = [];
  let isWanted = true;
  const logs = new AgentLogs({
    jobsDir: dir.path,
    send: async (id, offset, bytes) => {
      sent.push({ id, offset, text: new TextDecoder().decode(bytes) });
      return isWanted ? offset + bytes.length : undefined;
    },
  });
  return {
    dir,
    sent,
    logs,
    log: teeLogger(silentLogger, (record) => logs.note(record)),
    path: (id: string) => join(dir.path, id, "agent.log"),
    unwant: () => {
      isWanted = false;
    },
    [Symbol.dispose]: () => {
      logs.close();
      dir[Symbol.dispose]();
    },
  };
};

test("lines about a job are kept with it, whoever says them; others are not, nor those about a job that is gone", () => {
  using t = setUp();
  t.log.child({ submission_id: "a", run: "r" }).info("Pulling", { image: "x:1" });
  t.log.warn("Cannot send", { submission_id: "b", reason: "no network" });
  t.log.info("The agent starts");
  t.log.error("Too late", { submission_id: "gone" });
  t.log.debug("Not for people", { submission_id: "a" });
  expect(readFileSync(t.path("a"), "utf8")).toMatch(/^\S+Z INFO {2}Pulling image=x:1\n$/);
  expect(readFileSync(t.path("b"), "utf8")).toMatch(/^\S+Z WARN {2}Cannot send reason=no network\n$/);
  expect(existsSync(join(t.dir.path, "gone"))).toBe(false);
});

test("what went wrong is sent soon and goes on where it was left", async () => {
  using t = setUp();
  const log = t.log.child({ submission_id: "a" });
  log.warn("one");
  await waitFor("the first", () => t.sent.length === 1);
  log.warn("two");
  await t.logs.flush("a");
  expect(t.sent.map(({ text }) => text).join("")).toBe(readFileSync(t.path("a"), "utf8"));
  expect(t.sent[1]?.offset).toBe(t.sent[0]?.text.length);
});

test("the end of a job that went well sends nothing, and a coordinator that wants nothing gets no more", async () => {
  using t = setUp();
  t.log.info("all is well", { submission_id: "a" });
  await t.logs.flush("a");
  expect(t.sent).toEqual([]);
  t.unwant();
  t.log.warn("one", { submission_id: "b" });
  await waitFor("the first", () => t.sent.length === 1);
  t.log.warn("two", { submission_id: "b" });
  await t.logs.flush("b");
  expect(t.sent).toHaveLength(1);
});

test("it has a bound", () => {
  using t = setUp();
  const log = t.log.child({ submission_id: "a" });
  for (let line = 0; line < 40; line++) log.info("x".repeat(10_000));
  const size = readFileSync(t.path("a")).length;
  expect(size).toBeGreaterThan(MAX_AGENT_LOG_BYTES / 2);
  expect(size).toBeLessThan(MAX_AGENT_LOG_BYTES + 11_000);
});
