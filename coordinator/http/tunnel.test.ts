import { afterAll, beforeAll, expect, test } from "bun:test";
import { systemClock } from "../../shared/clock.ts";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { Dialler, tunnelUrl } from "../../shared/tunnel/dialler.ts";
import { startTestCoordinator, type TestCoordinator } from "../testing/startTestCoordinator.ts";
import { TestAgent } from "../testing/testAgent.ts";

const PATH = "/api/project/main/runs/tunnel";

const opened = new AsyncDisposableStack();
let coordinator: TestCoordinator;
let agent: TestAgent;
let submission: string;
const asked: unknown[] = [];

beforeAll(async () => {
  coordinator = await startTestCoordinator({ DSTACK_ENABLE_PROMETHEUS_METRICS: "1" });
  agent = await TestAgent.join(coordinator);
  const configuration = {
    type: "task",
    image: "busybox",
    commands: ["true"],
    ports: [8080],
    resources: { cpu: "1..", memory: "1GB..", disk: null },
  };
  const plan = { run_spec: { run_name: "web", configuration }, current_resource: null };
  await coordinator.post("/api/project/main/runs/apply", { plan, force: false });
  submission = await agent.take();
  await agent.running(submission);
  agent.onTunnelWanted = () =>
    void agent.dialTunnel(({ stream, accept }, request) => {
      asked.push(request);
      accept("hello");
      stream.end();
    });
  opened.use(agent.stayThere());
});
afterAll(async () => {
  await opened.disposeAsync();
  await coordinator[Symbol.asyncDispose]();
});

/** What somebody gets who asks for a stream. */
const ask = async (token: string, request: unknown): Promise<string> => {
  const { promise, resolve } = Promise.withResolvers<string>();
  using dialler = new Dialler({
    url: tunnelUrl(coordinator.url, PATH),
    headers: () => ({ authorization: `Bearer ${token}` }),
    clock: systemClock,
    resumeMs: 1_000,
    onStream: () => {},
    onClosed: () => {},
  });
  dialler.mux.open(request).handle({
    accepted: (answer) => resolve(`accepted ${answer}`),
    data: () => {},
    credit: () => {},
    blocked: () => {},
    ended: () => {},
    closed: (failure) => resolve(`${failure?.code}: ${failure?.message}`),
  });
  return await promise;
};
const port = (number: number, id = submission) => ({ submission_id: id, to: { kind: "port", port: number } });

test("a port of the configuration is reached by the run's user and by who manages the project, and by nobody else", async () => {
  expect(await ask(coordinator.adminToken, port(8080))).toBe("accepted hello");
  expect(asked).toEqual([
    { submission_id: submission, share: expect.any(String), to: { kind: "port", port: 8080 } },
  ]);
  expect(await ask(await coordinator.addUser("manager", "manager"), port(8080))).toBe("accepted hello");
  expect(await ask(await coordinator.addUser("other", "user"), port(8080))).toBe(
    "forbidden: The run web is another user's",
  );
});

test("what is not there, or not to be had, is refused with a reason", async () => {
  const { adminToken } = coordinator;
  expect(await ask(adminToken, port(22))).toBe("forbidden: The configuration of web has no port 22");
  expect(await ask(adminToken, port(8080, crypto.randomUUID()))).toBe(
    "not_found: There is no such job in this project",
  );
  for (const rubbish of [null, {}, { ...port(8080), to: { kind: "host" } }, port(0)])
    expect(await ask(adminToken, rubbish)).toBe("forbidden: This is no request for a stream");
});

test("the user of a shell gets in with the keys of the run and their own", async () => {
  // Keys are made when somebody first asks for theirs.
  await coordinator.post("/api/users/get_my_user");
  expect(await ask(coordinator.adminToken, { submission_id: submission, to: { kind: "ssh" } })).toBe(
    "accepted hello",
  );
  expect(asked.at(-1)).toMatchObject({
    to: { kind: "ssh", user: null, keys: [expect.stringMatching(/^ssh-/)] },
  });
});

test("only a WebSocket of a member is a tunnel", async () => {
  const url = `${coordinator.url}${PATH}?session=${crypto.randomUUID()}&received=0`;
  const get = async (address: string, token?: string) =>
    (await fetch(address, { headers: token === undefined ? {} : { authorization: `Bearer ${token}` } }))
      .status;
  expect(await get(url)).toBe(401);
  expect(await get(url, await coordinator.addUser("stranger"))).toBe(403);
  expect(await get(url, coordinator.adminToken)).toBe(426);
  expect(await get(url.replace(/\?.*/, "?session=1&received=x"), coordinator.adminToken)).toBe(422);
  expect(await get(url.replace("/main/", "/absent/"), coordinator.adminToken)).toBe(404);
});

test("who reached what, from where, is told as events, and counted for Prometheus", async () => {
  const told = async () =>
    (await (await coordinator.send("/api/events/list", { limit: 100, ascending: false })).json()) as {
      message: string;
      actor_user: string | null;
      targets: { type: string; name: string }[];
    }[];
  await waitFor("the events", async () =>
    (await told()).some(({ message }) => message.startsWith("Shell closed")),
  );
  const events = await told();
  const find = (start: string) => events.filter(({ message }) => message.startsWith(start));
  expect(find("Port 8080 opened. From: 127.0.0.1")).toHaveLength(2);
  expect(
    find("Port 8080 opened")
      .map(({ actor_user }) => actor_user)
      .toSorted(),
  ).toEqual(["admin", "manager"]);
  expect(find("Shell opened")[0]).toMatchObject({
    actor_user: "admin",
    targets: [{ type: "job", name: "web-0-0" }],
  });
  expect(find("Tunnel closed").length).toBeGreaterThan(5);
  const text = await (await fetch(`${coordinator.url}/metrics`)).text();
  for (const line of [
    'dstack_tunnel_links{side="host"} 1',
    "dstack_tunnel_streams{} 0",
    "dstack_tunnel_streams_opened_total{} 3",
    'dstack_tunnel_streams_refused_total{code="not_found"} 1',
    'dstack_tunnel_bytes_total{direction="to_job"} 0',
  ])
    expect(text).toContain(`${line}\n`);
});

test("a job that has ended has no ports any more", async () => {
  await agent.finished(submission, 0);
  await waitFor("the end", async () =>
    (await ask(coordinator.adminToken, port(8080))).startsWith("unavailable: The job is done"),
  );
});
