import { expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { z } from "zod";
import type { Assignment } from "../../shared/protocol/assignment.ts";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { differencesOf, type Exchange, filled, type Known, readWire } from "../testing/goldenWire.ts";
import { type Answer, startTestCoordinator, type TestCoordinator } from "../testing/startTestCoordinator.ts";
import { TestAgent } from "../testing/testAgent.ts";

interface Replay extends AsyncDisposable {
  coordinator: TestCoordinator;
  known: Known;
}

/**
 * The surroundings of the recordings: a fleet "lab" with one host, or the hosts of these fleets. Commands that sleep,
 * or go round for ever, run until they are stopped.
 */
const surroundings = async (fleets: string[] = ["lab"]): Promise<Replay> => {
  const coordinator = await startTestCoordinator();
  const leaving = new AbortController();
  const flights: Promise<void>[] = [];
  for (const [index, fleet] of fleets.entries()) {
    const addresses = [`10.0.0.${index + 1}/24`];
    const inventory = { cpus: 2, memory_mib: 16_384, disk_mib: 204_800, addresses };
    const agent = await TestAgent.join(coordinator, { fleet, inventory });
    const perform = ({ argv }: Assignment) =>
      /sleep|while true/.test(argv.join(" ")) ? {} : { output: "hi\n", exitStatus: 0 };
    flights.push(agent.autopilot(perform, leaving.signal));
  }
  return {
    coordinator,
    known: new Map(),
    [Symbol.asyncDispose]: async () => {
      leaving.abort();
      await Promise.all(flights);
      await coordinator[Symbol.asyncDispose]();
    },
  };
};

/** A file of the recorded size; its hash takes the place of the recorded one. */
const upload = async ({ coordinator, known }: Replay, path: string, { filename, bytes }: Upload) => {
  const content = Buffer.alloc(bytes, filename);
  const sha256 = createHash("sha256").update(content).digest("hex");
  known.set(filename, sha256);
  const form = new FormData();
  form.append("file", new Blob([content]), sha256);
  const headers = { authorization: `Bearer ${coordinator.adminToken}` };
  const response = await fetch(`${coordinator.url}${path}`, { method: "POST", headers, body: form });
  return { status: response.status, headers: response.headers, body: (await response.json()) as unknown };
};

const get = async ({ coordinator }: Replay, path: string): Promise<Answer> => {
  const headers = { authorization: `Bearer ${coordinator.adminToken}` };
  const response = await fetch(`${coordinator.url}${path}`, { headers });
  return { status: response.status, headers: response.headers, body: (await response.json()) as unknown };
};

const Multipart = z.object({ multipart: z.object({ filename: z.string(), bytes: z.number() }) });
type Upload = z.infer<typeof Multipart>["multipart"];

const send = (replay: Replay, { request }: Exchange): Promise<Answer> => {
  const { coordinator, known } = replay;
  const uploaded = Multipart.safeParse(request.body);
  if (uploaded.success) return upload(replay, request.path, uploaded.data.multipart);
  if (request.method === "GET") return get(replay, request.path);
  const version = request.headers["x-api-version"];
  const isGoodToken = request.headers["authorization"] === "Bearer <token>";
  return coordinator.post(request.path, request.body === null ? undefined : filled(request.body, known), {
    ...(isGoodToken ? {} : { token: "not-a-token" }),
    ...(version === undefined ? {} : { headers: { "x-api-version": version } }),
  });
};

/** Where the run of an answer stands, or of a plan the run that holds the name. */
const stateOf = (body: unknown): string | undefined => {
  const run = Reflect.get(Object(body), "current_resource") ?? body;
  const status: unknown = Reflect.get(Object(run), "status");
  return typeof status === "string" ? status : undefined;
};

/** Asks until the run is where it was in the recording, for answers that change nothing. */
const ask = async (replay: Replay, exchange: Exchange): Promise<Answer> => {
  const wanted = stateOf(exchange.response.body);
  if (wanted === undefined || !/runs\/get(?:_plan)?$/.test(exchange.request.path))
    return send(replay, exchange);
  return waitFor(`a run that is ${wanted}`, async () => {
    const answer = await send(replay, exchange);
    return stateOf(answer.body) === wanted && answer;
  });
};

const replayAll = async (replay: Replay, exchanges: Exchange[]): Promise<void> => {
  for (const exchange of exchanges) {
    const { request, response } = exchange;
    const { status, body } = await ask(replay, exchange);
    const place = `${request.path} ${JSON.stringify(request.body).slice(0, 300)}`;
    expect({ place, status }).toEqual({ place, status: response.status });
    const differences = differencesOf(response.body, body, { known: replay.known });
    expect({ place, differences }).toEqual({ place, differences: [] });
    // The one text that names the server's version.
    if (status !== 200 && request.headers["x-api-version"] !== "99.0.0") expect(body).toEqual(response.body);
  }
};

const FROM_NOTHING = [
  "project-add",
  "project-add-bad-token",
  "project-add-unknown",
  "project-list-verbose",
  "plan-declined",
  "v0.22-plan-declined",
  "offer",
  "v0.22-offer",
  "no-capacity",
  "errors",
  "v0.22-errors",
  "apply-detached",
  "v0.22-apply-detached",
  "files",
  "secrets",
  "retry-queue",
];

test.each(FROM_NOTHING)("the server answers as recorded in %s", async (name) => {
  await using replay = await surroundings();
  await replayAll(replay, readWire(name));
});

test("the server answers as recorded in two-nodes", async () => {
  await using replay = await surroundings(["rack", "rack"]);
  await replayAll(replay, readWire("two-nodes"));
});

test.each(["fleet-cloud", "v0.22-fleet-cloud"])("the server answers as recorded in %s", async (name) => {
  await using replay = await surroundings();
  // Here it is gone at once, for nothing has to be ended.
  const isOnItsWayOut = ({ response }: Exchange) => stateOf(response.body) === "terminating";
  await replayAll(
    replay,
    readWire(name).filter((exchange) => !isOnItsWayOut(exchange)),
  );
});

const WITH_A_RUN = ["abort-and-delete", "run-get", "stop", "logs", "v0.22-logs", "ps", "events", "metrics"];

test.each(WITH_A_RUN)("with the run that was there, the server answers as recorded in %s", async (name) => {
  await using replay = await surroundings();
  const exchanges = readWire(name);
  const [first] = exchanges.map(({ response }) => [response.body].flat()[0]);
  const run_spec = filled({ ...Reflect.get(Object(first), "run_spec"), ssh_key_pub: null }, new Map());
  const request = { plan: { run_spec, current_resource: null }, force: false };
  expect((await replay.coordinator.post("/api/project/main/runs/apply", request)).status).toBe(200);
  const runs = "/api/project/main/runs/get";
  const { run_name } = run_spec as { run_name?: unknown };
  if (stateOf(first) === "running")
    await waitFor("the run that was there", async () => {
      const { body } = await replay.coordinator.post(runs, { run_name });
      return stateOf(body) === "running";
    });
  await replayAll(replay, exchanges);
});
