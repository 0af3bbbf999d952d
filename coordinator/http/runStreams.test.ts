import { expect, test } from "bun:test";
import { Run } from "../../shared/api/runs.ts";
import { startTestCoordinator, type TestCoordinator } from "../testing/startTestCoordinator.ts";
import { TestAgent } from "../testing/testAgent.ts";

const P = "/api/project/main";

const submit = async (coordinator: TestCoordinator, name: string): Promise<Run> => {
  const configuration = {
    type: "task",
    image: "busybox",
    commands: ["true"],
    resources: { cpu: "1..", memory: "1GB..", disk: null },
  };
  const plan = { run_spec: { run_name: name, configuration }, current_resource: null };
  const { status, body } = await coordinator.post(`${P}/runs/apply`, { plan, force: false });
  expect(status).toBe(200);
  return Run.parse(body);
};

/** The texts of an answer's pieces, as they come. */
async function* piecesOf(response: Response): AsyncGenerator<string, void> {
  const decoder = new TextDecoder();
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    yield decoder.decode(value, { stream: true });
  }
}

const nextOf = async (pieces: AsyncGenerator<string, void>): Promise<string | undefined> => {
  const { value, done } = await pieces.next();
  return done ? undefined : value;
};

test("runs/watch answers the run at once, after every change, and ends with the run", async () => {
  await using coordinator = await startTestCoordinator();
  const agent = await TestAgent.join(coordinator);
  const { id } = await submit(coordinator, "watched");
  const watching = coordinator.send(`${P}/runs/watch`, { run_name: "watched" });
  const seen: string[] = [];
  const lines = (async () => {
    let text = "";
    for await (const piece of piecesOf(await watching)) {
      text += piece;
      const complete = text.split("\n");
      text = complete.pop() ?? "";
      for (const line of complete) {
        const run = Run.parse(JSON.parse(line));
        expect(run.id).toBe(id);
        seen.push(`${run.status} ${run.latest_job_submission?.status}`);
      }
    }
  })();
  const submission = await agent.take();
  await agent.running(submission);
  await agent.finished(submission, 0);
  await lines;
  expect(seen[0]).toBe("provisioning provisioning");
  expect(seen).toContain("running running");
  expect(seen.at(-1)).toBe("done done");
});

test("logs/stream passes bytes on as they come and ends when the output is complete", async () => {
  await using coordinator = await startTestCoordinator();
  const agent = await TestAgent.join(coordinator);
  await submit(coordinator, "talker");
  const submission = await agent.take();
  const body = { run_name: "talker", job_submission_id: submission, follow: true };
  const streaming = coordinator.send(`${P}/logs/stream`, body);
  await agent.running(submission);
  await agent.log(submission, "one\n");
  const response = await streaming;
  expect(response.headers.get("x-dstack-log-offset")).toBe("0");
  const pieces = piecesOf(response);
  expect(await nextOf(pieces)).toBe("one\n");
  await agent.log(submission, "two\n");
  expect(await nextOf(pieces)).toBe("two\n");
  // The job ends before its last bytes have come.
  await agent.finished(submission, 0, { logBytes: 14 });
  await agent.log(submission, "three\n");
  expect(await nextOf(pieces)).toBe("three\n");
  expect(await nextOf(pieces)).toBeUndefined();
  const later = await coordinator.send(`${P}/logs/stream`, { ...body, offset: 4 });
  expect(later.headers.get("x-dstack-log-offset")).toBe("4");
  expect(await later.text()).toBe("two\nthree\n");
});

test("without follow, logs/stream ends where the output ends now", async () => {
  await using coordinator = await startTestCoordinator();
  const agent = await TestAgent.join(coordinator);
  await submit(coordinator, "talker");
  const submission = await agent.take();
  await agent.running(submission);
  await agent.log(submission, "so far");
  const body = { run_name: "talker", job_submission_id: submission };
  expect(await (await coordinator.send(`${P}/logs/stream`, body)).text()).toBe("so far");
});

test("a stop of the server ends what is open", async () => {
  await using coordinator = await startTestCoordinator();
  const agent = await TestAgent.join(coordinator);
  await submit(coordinator, "open");
  const submission = await agent.take();
  await agent.running(submission);
  await agent.log(submission, "x");
  const body = { run_name: "open", job_submission_id: submission, follow: true };
  const log = piecesOf(await coordinator.send(`${P}/logs/stream`, body));
  const watch = piecesOf(await coordinator.send(`${P}/runs/watch`, { run_name: "open" }));
  await nextOf(log);
  await nextOf(watch);
  const stopped = coordinator.stop();
  // Ended, and not cut off as what is still open after some seconds: that would be an error here.
  expect(await nextOf(log)).toBeUndefined();
  expect(await nextOf(watch)).toBeUndefined();
  await stopped;
});

test("a client that leaves leaves nothing behind", async () => {
  await using coordinator = await startTestCoordinator();
  const agent = await TestAgent.join(coordinator);
  await submit(coordinator, "left");
  const submission = await agent.take();
  await agent.log(submission, "x");
  const leaving = new AbortController();
  const body = { run_name: "left", job_submission_id: submission, follow: true };
  const options = { signal: leaving.signal };
  const pieces = piecesOf(await coordinator.send(`${P}/logs/stream`, body, options));
  await nextOf(pieces);
  leaving.abort();
  await expect(pieces.next()).rejects.toThrow();
  await agent.log(submission, "y");
  await agent.finished(submission, 0);
});

test("the streams know only runs and submissions of their project", async () => {
  await using coordinator = await startTestCoordinator();
  const agent = await TestAgent.join(coordinator);
  await submit(coordinator, "mine");
  const submission = await agent.take();
  const missing = { detail: [{ code: "resource_not_exists", msg: "Run not found" }] };
  const wishes = [
    { run_name: "other", job_submission_id: submission },
    { run_name: "mine", job_submission_id: crypto.randomUUID() },
  ];
  for (const wish of wishes)
    expect(await coordinator.post(`${P}/logs/stream`, wish)).toMatchObject({ status: 400, body: missing });
  expect(await coordinator.post(`${P}/runs/watch`, { run_name: "none" })).toMatchObject({
    status: 400,
    body: missing,
  });
});
