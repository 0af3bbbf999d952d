import { afterAll, beforeAll, expect, test } from "bun:test";
import { JobSubmissionLogs } from "../../shared/api/logs.ts";
import { startTestCoordinator, type TestCoordinator } from "../testing/startTestCoordinator.ts";
import { TestAgent } from "../testing/testAgent.ts";

const POLL = "/api/project/main/logs/poll";

/** Longer than what one event may hold, with a last line without an end, and bytes of more than one. */
const OUTPUT = `${Array.from({ length: 9_000 }, (_, line) => `line ${line} wörd\n`).join("")}no end`;

let coordinator: TestCoordinator;
let agent: TestAgent;
let submission: string;

beforeAll(async () => {
  coordinator = await startTestCoordinator();
  agent = await TestAgent.join(coordinator);
  const resources = { cpu: "1..", memory: "1GB..", disk: null };
  const configuration = { type: "task", image: "busybox", commands: ["true"], resources };
  const plan = { run_spec: { run_name: "talker", configuration }, current_resource: null };
  await coordinator.post("/api/project/main/runs/apply", { plan, force: false });
  submission = await agent.take();
  await agent.running(submission);
  await agent.log(submission, OUTPUT);
});
afterAll(() => coordinator[Symbol.asyncDispose]());

const poll = async (wish: Record<string, unknown> = {}) => {
  const body = { run_name: "talker", job_submission_id: submission, limit: 1000, ...wish };
  const answer = await coordinator.post(POLL, body);
  expect(answer).toMatchObject({ status: 200 });
  return JobSubmissionLogs.parse(answer.body);
};

/** The texts of all pages, in the order they came. */
const pollAll = async (wish: Record<string, unknown>) => {
  const messages: Buffer[] = [];
  for (let token: string | null = null, pages = 0; pages < 1_000; pages++) {
    const { logs, next_token } = await poll({ ...wish, next_token: token });
    messages.push(...logs.map(({ message }) => Buffer.from(message, "base64")));
    if (next_token === null) return messages;
    token = next_token;
  }
  throw new Error("The pages do not end");
};

test("all pages together are the output, whatever their size", async () => {
  for (const limit of [1, 2, 1000]) expect(Buffer.concat(await pollAll({ limit })).toString()).toBe(OUTPUT);
});

test("newest first, pages hold whole lines", async () => {
  const messages = await pollAll({ descending: true, limit: 700 });
  expect(messages[0]?.toString()).toBe("no end");
  expect(messages[1]?.toString()).toBe("line 8999 wörd\n");
  expect(messages).toHaveLength(9_001);
  expect(Buffer.concat(messages.toReversed()).toString()).toBe(OUTPUT);
});

test("start_time and end_time bound the output by when it was produced", async () => {
  const past = "2020-01-01T00:00:00Z";
  const future = "2100-01-01T00:00:00Z";
  expect((await poll({ start_time: future })).logs).toEqual([]);
  expect((await poll({ end_time: past })).logs).toEqual([]);
  expect(Buffer.concat(await pollAll({ start_time: past, end_time: future })).toString()).toBe(OUTPUT);
  expect((await poll({ start_time: future, descending: true })).logs).toEqual([]);
});

test("diagnose answers what the agent said about the job, and not what the job printed", async () => {
  const said = "2026-01-01T00:00:00.000Z WARN  The image is not there\n";
  expect(await agent.agentLog(submission, said)).toBe(said.length);
  expect(await agent.agentLog(submission, said)).toBe(said.length);
  const { logs } = await poll({ diagnose: true });
  expect(logs.map((event) => Buffer.from(event.message, "base64").toString()).join("")).toBe(said);
  const other = await TestAgent.join(coordinator, { fleet: "other" });
  expect(other.agentLog(submission, "mine now")).rejects.toThrow("is not this instance's");
});

test("an answer without logs ends the asking", async () => {
  const nothing = { logs: [], external_url: null, next_token: null };
  expect(await poll({ limit: 0 })).toEqual(nothing);
  expect(await poll({ next_token: "999999999" })).toEqual(nothing);
});

test("a token that is none, and a run that is none", async () => {
  const wish = { run_name: "talker", job_submission_id: submission };
  for (const next_token of ["x", "-1", "1e3", ""])
    expect((await coordinator.post(POLL, { ...wish, next_token })).status).toBe(400);
  expect(await coordinator.post(POLL, { ...wish, run_name: "other" })).toMatchObject({
    status: 200,
    body: { logs: [], next_token: null },
  });
  expect((await coordinator.post(POLL, { ...wish, limit: 1001 })).status).toBe(422);
});
