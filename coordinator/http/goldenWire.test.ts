import { expect, test } from "bun:test";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { differencesOf, type Exchange, filled, readWire, WIRE_FILES } from "../testing/goldenWire.ts";
import { openJoiningHost } from "../testing/joiningHost.ts";
import { unexplained } from "../testing/wireDifferences.ts";
import { openReplay, type Replay, say, stateOf } from "../testing/wireReplay.ts";

const replayAll = async (replay: Replay, file: string, exchanges: Exchange[]): Promise<void> => {
  for (const exchange of exchanges) {
    const { request, response } = exchange;
    const { status, headers, body } = await say(replay, exchange);
    const place = `${request.path} ${JSON.stringify(request.body).slice(0, 300)}`;
    expect({ place, status }).toEqual({ place, status: response.status });
    expect(headers.get("content-type")).toBe(response.headers["content-type"] ?? null);
    const all = differencesOf(response.body, body, { known: replay.known });
    const differences = unexplained(all, { file, route: request.path });
    expect({ place, differences }).toEqual({ place, differences: [] });
  }
};

const FROM_NOTHING = [
  "apply-attached",
  "apply-attached-fails",
  "apply-detached",
  "dev-environment-plan",
  "errors",
  "exports-imports",
  "files",
  "init",
  "login-no-provider",
  "no-capacity",
  "offer",
  "plan-declined",
  "project-add",
  "project-add-bad-token",
  "project-add-unknown",
  "project-list-verbose",
  "reapply-active",
  "retry-queue",
  "secrets",
  "v0.22-apply-detached",
  "v0.22-errors",
  "v0.22-offer",
  "v0.22-plan-declined",
  "v0.22-volumes-gateways",
  "volumes-gateways",
];

test.each(FROM_NOTHING)("the server answers as recorded in %s", async (file) => {
  const exchanges = readWire(file);
  await using replay = await openReplay(exchanges);
  await replayAll(replay, file, exchanges);
});

const OF_TWO_HOSTS = ["two-nodes"];

test.each(OF_TWO_HOSTS)("with two hosts, the server answers as recorded in %s", async (file) => {
  const exchanges = readWire(file);
  await using replay = await openReplay(exchanges, ["rack", "rack"]);
  await replayAll(replay, file, exchanges);
});

const OF_CLOUD_FLEETS = ["fleet-cloud", "v0.22-fleet-cloud"];

test.each(OF_CLOUD_FLEETS)("the server answers as recorded in %s", async (file) => {
  // Here it is gone at once, for nothing has to be ended.
  const exchanges = readWire(file).filter(({ response }) => stateOf(response.body) !== "terminating");
  await using replay = await openReplay(exchanges);
  await replayAll(replay, file, exchanges);
});

const OF_SSH_HOSTS = ["fleet-ssh"];

test.each(OF_SSH_HOSTS)(
  "with a host that can be logged in to, the server answers as in %s",
  async (file) => {
    await using replay = await openReplay([]);
    const inventory = { cpus: 2, memory_mib: 16_384, disk_mib: 204_800, addresses: ["10.0.9.1/24"] };
    await using host = await openJoiningHost(replay.coordinator, { inventory });
    replay.known.set("<ip-1>", "127.0.0.1").set("<ssh-private-key-1>", host.login().key);
    const all = readWire(file, { '"port": 2222': `"port": ${host.port}` });
    const isComing = ({ response }: Exchange) => JSON.stringify(response.body).includes('"status":"pending"');
    const [applied, ...later] = all.slice(all.findIndex(isComing));
    const before = all.slice(0, all.findIndex(isComing));
    await replayAll(replay, file, [...before, ...(applied ? [applied] : [])]);
    const get = { name: "annex" };
    await waitFor(
      "the host to be in",
      async () =>
        JSON.stringify((await replay.coordinator.post("/api/project/main/fleets/get", get)).body).includes(
          '"status":"idle"',
        ),
      20_000,
    );
    // How long it takes is another thing here.
    await replayAll(
      replay,
      file,
      later.filter((exchange) => !isComing(exchange)),
    );
  },
  40_000,
);

const WITH_A_RUN = ["abort-and-delete", "run-get", "stop", "logs", "v0.22-logs", "ps", "events", "metrics"];

test.each(WITH_A_RUN)("with the run that was there, the server answers as recorded in %s", async (file) => {
  const exchanges = readWire(file);
  await using replay = await openReplay(exchanges);
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
  await replayAll(replay, file, exchanges);
});

/** What this version refuses at the first step that it cannot do, each with its sentence. */
const REFUSED: Record<string, string> = {
  service: "Services are not supported by this version yet",
  "v0.22-service": "Services are not supported by this version yet",
};

test.each(Object.entries(REFUSED))("what is said in %s is refused in a sentence", async (file, sentence) => {
  const exchanges = readWire(file);
  await using replay = await openReplay(exchanges);
  const plan = exchanges.find(({ request }) => request.path.endsWith("/get_plan"));
  if (!plan) throw new Error(`Nothing is planned in ${file}`);
  const { request } = plan;
  const { status, body } = await replay.coordinator.post(request.path, filled(request.body, replay.known));
  expect(status).toBe(400);
  expect(body).toMatchObject({ detail: [{ code: "error", msg: expect.stringContaining(sentence) }] });
});

/** Answered though the reference has withdrawn it: docs/compatibility.md. */
const KEPT = ["v0.22-exports-imports"];

test.each(KEPT)("what the reference refuses in %s is answered", async (file) => {
  const exchanges = readWire(file);
  await using replay = await openReplay(exchanges);
  for (const exchange of exchanges) {
    expect(exchange.response.status).toBe(400);
    expect(await say(replay, exchange)).toMatchObject({ status: 200, body: { warnings: [] } });
  }
});

test("every recording is replayed", () => {
  const replayed = [
    FROM_NOTHING,
    OF_TWO_HOSTS,
    OF_CLOUD_FLEETS,
    OF_SSH_HOSTS,
    WITH_A_RUN,
    Object.keys(REFUSED),
    KEPT,
  ].flat();
  expect(replayed.sort()).toEqual(WIRE_FILES.toSorted());
});
