import { createHash } from "node:crypto";
import { z } from "zod";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { type Exchange, filled, type Known } from "./goldenWire.ts";
import { type Answer, startTestCoordinator, type TestCoordinator } from "./startTestCoordinator.ts";
import { type Performance, TestAgent } from "./testAgent.ts";

/** Says a recorded conversation to a coordinator of ours. */
export interface Replay extends AsyncDisposable {
  coordinator: TestCoordinator;
  known: Known;
  /** Somebody stops the runs, which go on until then; else they end by themselves, here within a moment. */
  isStopped: boolean;
}

const Submissions = z.object({
  run_spec: z.object({ run_name: z.string() }),
  latest_job_submission: z.object({ exit_status: z.number().nullable() }),
});
const Polled = z.object({ run_name: z.string() });
const Logs = z.object({ logs: z.array(z.object({ message: z.string() })) });

/** What the jobs of the conversation wrote, and how they ended, by the names of their runs. */
const performancesOf = (exchanges: readonly Exchange[]): Map<string, Performance> => {
  const performances = new Map<string, Performance>();
  const add = (run: string, more: Performance) =>
    performances.set(run, { ...performances.get(run), ...more });
  for (const { request, response } of exchanges) {
    const ended = Submissions.safeParse(response.body);
    const exitStatus = ended.data?.latest_job_submission.exit_status ?? null;
    if (ended.success && exitStatus !== null) add(ended.data.run_spec.run_name, { exitStatus });
    const polled = Polled.safeParse(request.body);
    const logs = Logs.safeParse(response.body);
    const bytes = logs.data?.logs.map(({ message }) => Buffer.from(message, "base64")) ?? [];
    if (polled.success && bytes.length > 0)
      add(polled.data.run_name, { output: Buffer.concat(bytes).toString() });
  }
  return performances;
};

/**
 * The surroundings of the recordings: a fleet "lab" with one host, or the hosts of these fleets. Commands that sleep,
 * or go round for ever, run until they are stopped.
 */
export const openReplay = async (
  exchanges: readonly Exchange[],
  fleets: string[] = ["lab"],
): Promise<Replay> => {
  const coordinator = await startTestCoordinator();
  const leaving = new AbortController();
  const flights: Promise<void>[] = [];
  const performances = performancesOf(exchanges);
  for (const [index, fleet] of fleets.entries()) {
    const addresses = [`10.0.0.${index + 1}/24`];
    const inventory = { cpus: 2, memory_mib: 16_384, disk_mib: 204_800, addresses };
    const agent = await TestAgent.join(coordinator, { fleet, inventory });
    flights.push(
      agent.autopilot(({ argv, env }) => {
        const recorded = performances.get(env["DSTACK_RUN_NAME"] ?? "");
        if (/sleep|while true/.test(argv.join(" ")) && recorded?.exitStatus === undefined)
          return recorded ?? {};
        return { output: "hi\n", exitStatus: 0, ...recorded };
      }, leaving.signal),
    );
  }
  return {
    coordinator,
    known: new Map(),
    isStopped: exchanges.some(({ request }) => request.path.endsWith("/runs/stop")),
    [Symbol.asyncDispose]: async () => {
      leaving.abort();
      await Promise.all(flights);
      await coordinator[Symbol.asyncDispose]();
    },
  };
};

/** Of a page there is its length and sum, as in the recordings. */
const answerOf = async (response: Response): Promise<Answer> => {
  const { status, headers } = response;
  if (headers.get("content-type")?.startsWith("application/json"))
    return { status, headers, body: (await response.json()) as unknown };
  const bytes = new Uint8Array(await response.arrayBuffer());
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  return { status, headers, body: { bytes: bytes.length, sha256 } };
};

const Multipart = z.object({ multipart: z.object({ filename: z.string(), bytes: z.number() }) });

/** A file of the recorded size; its hash takes the place of the recorded one. */
const upload = async (
  { coordinator, known }: Replay,
  path: string,
  { filename, bytes }: z.infer<typeof Multipart>["multipart"],
): Promise<Answer> => {
  const content = Buffer.alloc(bytes, filename);
  const sha256 = createHash("sha256").update(content).digest("hex");
  known.set(filename, sha256);
  const form = new FormData();
  form.append("file", new Blob([content]), sha256);
  const headers = { authorization: `Bearer ${coordinator.adminToken}` };
  return answerOf(await fetch(`${coordinator.url}${path}`, { method: "POST", headers, body: form }));
};

const get = async ({ coordinator }: Replay, path: string): Promise<Answer> => {
  const headers = { authorization: `Bearer ${coordinator.adminToken}` };
  return answerOf(await fetch(`${coordinator.url}${path}`, { headers }));
};

const tokenFor = (authorization: string | undefined): { token?: string | null } => {
  if (authorization === "Bearer <token>") return {};
  return { token: authorization === undefined ? null : "not-a-token" };
};

const send = (replay: Replay, { request }: Exchange): Promise<Answer> => {
  const { coordinator, known } = replay;
  const uploaded = Multipart.safeParse(request.body);
  if (uploaded.success) return upload(replay, request.path, uploaded.data.multipart);
  if (request.method === "GET") return get(replay, request.path);
  const version = request.headers["x-api-version"];
  return coordinator.post(request.path, request.body === null ? undefined : filled(request.body, known), {
    ...tokenFor(request.headers["authorization"]),
    ...(version === undefined ? {} : { headers: { "x-api-version": version } }),
  });
};

/** Where the run of an answer stands, or of a plan the run that holds the name. */
export const stateOf = (body: unknown): string | undefined => {
  const run = Reflect.get(Object(body), "current_resource") ?? body;
  const status: unknown = Reflect.get(Object(run), "status");
  return typeof status === "string" ? status : undefined;
};

/** How far a run has come. */
const PROGRESS = ["pending", "submitted", "provisioning", "running", "terminating"];
const progressOf = (state: string | undefined): number => {
  const at = PROGRESS.indexOf(state ?? "");
  return at < 0 ? PROGRESS.length : at;
};

/** Is the run there, or past it? Runs here do not stay in between for as long as they did there. */
const isThere = ({ isStopped }: Replay, state: string | undefined, wanted: string): boolean =>
  state === wanted || (!(isStopped && wanted === "running") && progressOf(state) > progressOf(wanted));

/** Says it again until the run is where it was in the recording, if that changes nothing. */
export const say = async (replay: Replay, exchange: Exchange): Promise<Answer> => {
  const wanted = stateOf(exchange.response.body);
  if (wanted === undefined || !/runs\/get(?:_plan)?$/.test(exchange.request.path))
    return send(replay, exchange);
  return waitFor(`a run that is ${wanted}`, async () => {
    const answer = await send(replay, exchange);
    return isThere(replay, stateOf(answer.body), wanted) && answer;
  });
};
