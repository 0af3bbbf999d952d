/** What somebody tries who means harm, over the coordinator's own port. Agents that do: relay/hostileAgent.test.ts. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { createConnection } from "node:net";
import { systemClock } from "../../shared/clock.ts";
import { AGENT_PROTOCOL, AGENT_PROTOCOL_HEADER } from "../../shared/protocol/version.ts";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { Dialler, tunnelUrl } from "../../shared/tunnel/dialler.ts";
import { encodeFrame, encodeJson, FrameType } from "../../shared/tunnel/frame.ts";
import { startTestCoordinator, type TestCoordinator } from "../testing/startTestCoordinator.ts";
import { TestAgent } from "../testing/testAgent.ts";

const opened = new AsyncDisposableStack();
let coordinator: TestCoordinator;
let submission: string;
let tokens: { ann: string; eve: string; mallory: string };

const port = (number: number, id = submission) => ({ submission_id: id, to: { kind: "port", port: number } });
const tunnelOf = (project: string) => tunnelUrl(coordinator.url, `/api/project/${project}/runs/tunnel`);

beforeAll(async () => {
  coordinator = opened.use(await startTestCoordinator());
  const agent = await TestAgent.join(coordinator);
  tokens = {
    ann: await coordinator.addUser("ann", "user"),
    eve: await coordinator.addUser("eve", "user"),
    mallory: await coordinator.addUser("mallory"),
  };
  await coordinator.post("/api/projects/create", { project_name: "hers" }, { token: tokens.mallory });
  const resources = { cpu: "1..", memory: "1GB..", disk: null };
  const configuration = { type: "task", image: "busybox", commands: ["true"], ports: [8000], resources };
  const plan = { run_spec: { run_name: "site", configuration }, current_resource: null };
  await coordinator.post("/api/project/main/runs/apply", { plan, force: false }, { token: tokens.ann });
  submission = await agent.take();
  await agent.running(submission);
  agent.onTunnelWanted = () => void agent.dialTunnel(({ accept }) => accept(null));
  opened.use(agent.stayThere());
}, 60_000);
afterAll(() => opened.disposeAsync(), 60_000);

const dial = (token: string, project = "main") =>
  new Dialler({
    url: tunnelOf(project),
    headers: () => ({ authorization: `Bearer ${token}` }),
    clock: systemClock,
    resumeMs: 1_000,
    maxStreams: 10_000,
    onStream: () => {},
    onClosed: () => {},
  });

/** `accepted`, or the code and the words of a refusal; the stream stays. */
const knock = (by: Dialler, request: unknown): Promise<string> => {
  const { promise, resolve } = Promise.withResolvers<string>();
  by.mux.open(request).handle({
    accepted: () => resolve("accepted"),
    data: () => {},
    credit: () => {},
    blocked: () => {},
    ended: () => {},
    closed: (failure) => resolve(`${failure?.code}: ${failure?.message}`),
  });
  return promise;
};

test("another's run, a project that is not theirs, and what is not there: no word of what there is", async () => {
  using eve = dial(tokens.eve);
  for (const request of [
    port(8000),
    port(9999),
    { ...port(1), to: { kind: "ssh" } },
    { ...port(1), to: { kind: "direct" } },
  ])
    expect(await knock(eve, request)).toBe("forbidden: The run site is another user's");
  using mallory = dial(tokens.mallory, "hers");
  const foreign = await knock(mallory, port(8000));
  expect(foreign).toBe("not_found: There is no such job in this project");
  expect(await knock(mallory, port(8000, crypto.randomUUID()))).toBe(foreign);
});

test("ports that the configuration does not name, and what is no request", async () => {
  using ann = dial(tokens.ann);
  expect(await knock(ann, port(8000))).toBe("accepted");
  for (const number of [9999, 22, 10_999, 2375])
    expect(await knock(ann, port(number))).toBe(`forbidden: The configuration of site has no port ${number}`);
  const wrong = [
    { ...port(8000), to: { kind: "host", port: 22 } },
    port(8000.5),
    port(8000, "../../x"),
    { ...port(1), to: { kind: "ssh", user: "root\n-o ProxyCommand=x" } },
    { ...port(1), to: { kind: "ssh", user: "../../../etc" } },
    "x".repeat(15_000),
    [[[[[]]]]],
    null,
  ];
  for (const request of wrong)
    expect(await knock(ann, request)).toBe("forbidden: This is no request for a stream");
});

const RUBBISH: [string, string | Uint8Array, number][] = [
  ["text", "text", 1003],
  ["a message of any size", new Uint8Array(200_000), 1009],
  ["a frame that is too large", encodeFrame(FrameType.data, 1, new Uint8Array(70_000)), 1009],
  ["data of nowhere", encodeFrame(FrameType.data, 7, new Uint8Array(10)), 4400],
  ["a type that there is not", Uint8Array.of(99, 0, 0, 0, 1), 4400],
  ["half a header", Uint8Array.of(1), 4400],
  ["a stream of the coordinator's", encodeFrame(FrameType.open, 2, encodeJson({ granted: 1 })), 4400],
  ["a window of any size", encodeFrame(FrameType.open, 1, encodeJson({ granted: 2 ** 50 })), 4400],
  ["folds without end", encodeFrame(FrameType.open, 1, Buffer.from("[".repeat(16_000))), 4400],
  ["that all has come", encodeFrame(FrameType.ack, 0, new Uint8Array(8).fill(255)), 4400],
  ["a greeting", encodeFrame(FrameType.hello, 0, encodeJson({ received: 5 })), 4400],
];

test.each(RUBBISH)(
  "rubbish in a tunnel, %s: its sender is gone, and nobody else notices",
  async (_what, message, code) => {
    using witness = dial(tokens.ann);
    await waitFor("the witness", () => witness.mux.isUp);
    const socket = new WebSocket(`${tunnelOf("main")}?session=${crypto.randomUUID()}&received=0`, {
      headers: { authorization: `Bearer ${tokens.eve}` },
    });
    const closed = new Promise<number>((resolve) => {
      socket.onclose = (event) => resolve(event.code);
    });
    socket.onopen = () => socket.send(message);
    expect(await closed).toBe(code);
    expect(await knock(witness, port(8000))).toBe("accepted");
  },
);

test("rubbish on the port itself, and a dial as an agent that is none", async () => {
  const { hostname, port: number } = new URL(coordinator.url);
  await new Promise<void>((resolve) => {
    const random = crypto.getRandomValues(new Uint8Array(60_000));
    const socket = createConnection({ host: hostname, port: Number(number) }, () => socket.end(random));
    socket
      .on("error", () => {})
      .resume()
      .once("close", () => resolve());
  });
  const query = `session=${crypto.randomUUID()}&received=0`;
  const headers = {
    authorization: `Bearer ${tokens.eve}`,
    [AGENT_PROTOCOL_HEADER]: String(AGENT_PROTOCOL),
  };
  const dialled = await fetch(`${coordinator.url}/api/agent/tunnel?${query}`, { headers });
  expect(dialled.status).toBe(401);
  using ann = dial(tokens.ann);
  expect(await knock(ann, port(8000))).toBe("accepted");
});

test("a flood of streams is refused beyond the limit, others go on, and all places are free afterwards", async () => {
  for (let round = 0; round < 2; round += 1) {
    using ann = dial(tokens.ann);
    const got = await Promise.all(Array.from({ length: 1_500 }, () => knock(ann, port(8000))));
    expect(got.filter((one) => one === "accepted")).toHaveLength(1_000);
    expect(got.filter((one) => one.startsWith("too_many: "))).toHaveLength(500);
    using eve = dial(tokens.eve);
    expect(await knock(eve, port(8000))).toStartWith("forbidden");
  }
}, 60_000);
