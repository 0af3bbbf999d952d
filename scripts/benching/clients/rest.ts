import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { waitFor } from "../../../shared/testing/waitFor.ts";
import { freePort } from "../../e2e/harness/freePort.ts";
import { startProgram } from "../../e2e/harness/program.ts";
import { cleanEnvironment } from "../../e2e/harness/programs.ts";
import { installStockClient } from "../../e2e/harness/stockClient.ts";
import { SMALL } from "../../e2e/harness/system.ts";
import { HttpConnection } from "../../loading/httpConnection.ts";
import type { Part } from "../bench.ts";
import { formatMs, percentile } from "../stats.ts";
import { judged } from "./target.ts";

const SECONDS = 5;
const CONNECTIONS = [1, 16];
const MOST_P99_MS = 30;
/** As many as the stock server had when it was measured. */
const RUNS = 20;
const PROJECT = "queries";

interface Server {
  who: string;
  url: string;
  token: string;
}

interface Question {
  what: string;
  path: string;
  body: unknown;
  /** With the most connections, of ours. */
  leastPerSecond?: number;
}

// As the dummy of `dstack offer`: the stock server then asks no registry for it.
const DUMMY = { image: "scratch", user: "root" };

const specOf = (name: string) => ({
  run_name: name,
  configuration: { type: "task", name, commands: ["true"], resources: SMALL, ...DUMMY },
  ssh_key_pub: "ssh-ed25519 AAAA none",
  repo_data: { repo_type: "virtual" },
  repo_id: "none",
});
const list = (limit: number) => ({ project_name: PROJECT, only_active: false, limit });

const QUESTIONS: readonly Question[] = [
  { what: "runs/list, the newest run", path: "/api/runs/list", body: list(1) },
  { what: `runs/list, ${RUNS} runs`, path: "/api/runs/list", body: list(100), leastPerSecond: 2_500 },
  {
    what: "get_plan",
    path: `/api/project/${PROJECT}/runs/get_plan`,
    body: { run_spec: specOf("planned") },
    leastPerSecond: 1_500,
  },
];

/** Our coordinator and, where it can be had, the stock server: the same project without hosts, the same questions. */
export const measureRest = async (part: Part): Promise<void> => {
  const { coordinator, report } = part;
  const ours = await measureServer(part, { who: "ours", url: coordinator.url, token: coordinator.token });
  // Not before: it has something to do when nobody asks, too.
  await using undo = new AsyncDisposableStack();
  const stock = await startStockServer(part, undo);
  if ("reason" in stock) report.note(`The stock server was left out: ${stock.reason}`);
  else await measureServer(part, stock, ours);
};

/** Answers how many a second there were of what; `ours` are those to compare with. */
const measureServer = async (
  { report }: Part,
  server: Server,
  ours?: ReadonlyMap<string, number>,
): Promise<Map<string, number>> => {
  const rates = new Map<string, number>();
  await fill(server);
  for (const question of QUESTIONS)
    for (const connections of CONNECTIONS) {
      const what = `REST ${question.what}, ${connections} connections`;
      const times: number[] = [];
      const perSecond = await load(server, { question, connections, times });
      rates.set(what, perSecond);
      const [p50, p99] = [percentile(times, 0.5), percentile(times, 0.99)];
      const shown = `${perSecond.toFixed(0)}/s, p50 ${formatMs(p50)} ms, p99 ${formatMs(p99)} ms`;
      const { leastPerSecond: least } = question;
      const isPromised = !ours && least !== undefined && connections === Math.max(...CONNECTIONS);
      const isMet = isPromised && perSecond >= least && p99 < MOST_P99_MS;
      report.figure(
        `${what}, ${server.who}`,
        isPromised ? judged(shown, isMet, `≥ ${least}/s, p99 < ${MOST_P99_MS} ms`) : shown,
      );
      const compared = ours?.get(what);
      if (compared !== undefined) {
        const ratio = `${(compared / perSecond).toFixed(0)} times as many`;
        report.figure(`${what}, ours beside ${server.who}`, ratio);
      }
    }
  return rates;
};

const connect = ({ url, token }: Server): HttpConnection & Disposable => {
  const { hostname, port } = new URL(url);
  const connection = new HttpConnection(Number(port), token, hostname);
  return Object.assign(connection, { [Symbol.dispose]: () => connection.close() });
};

const ask = async (connection: HttpConnection, path: string, body: unknown): Promise<void> => {
  const { status, text } = await connection.post(path, body);
  if (status !== 200) throw new Error(`${path} answered ${status}: ${text}`);
};

const fill = async (server: Server): Promise<void> => {
  using connection = connect(server);
  await ask(connection, "/api/projects/create", { project_name: PROJECT });
  const init = { repo_id: "none", repo_info: { repo_type: "virtual" }, repo_creds: null };
  await ask(connection, `/api/project/${PROJECT}/repos/init`, init);
  for (let at = 0; at < RUNS; at++) {
    const plan = { run_spec: specOf(`queried-${at}`), current_resource: null };
    await ask(connection, `/api/project/${PROJECT}/runs/apply`, { plan, force: false });
  }
};

/** How many answers came in a second; each one's time in milliseconds is added to `times`. */
const load = async (
  server: Server,
  { question, connections, times }: { question: Question; connections: number; times: number[] },
): Promise<number> => {
  using warm = connect(server);
  for (let at = 0; at < 20; at++) await ask(warm, question.path, question.body);
  const begin = performance.now();
  const until = begin + SECONDS * 1_000;
  const client = async () => {
    using connection = connect(server);
    while (performance.now() < until) {
      const since = performance.now();
      await ask(connection, question.path, question.body);
      times.push(performance.now() - since);
    }
  };
  await Promise.all(Array.from({ length: connections }, client));
  return (times.length / (performance.now() - begin)) * 1_000;
};

const startStockServer = async (
  { dir }: Part,
  undo: AsyncDisposableStack,
): Promise<Server | { reason: string }> => {
  const installed = await installStockClient("0.21.2", "server");
  if ("reason" in installed) return installed;
  const home = join(dir, "stock-server");
  mkdirSync(home, { recursive: true });
  const [port, token] = [await freePort(), crypto.randomUUID()];
  const args = ["server", "--host", "127.0.0.1", "--port", `${port}`, "--token", token, "-n"];
  const program = undo.use(
    startProgram({
      name: "the stock server",
      command: [installed.path, ...args],
      logFile: join(home, "server.log"),
      env: { ...cleanEnvironment(home), DSTACK_SERVER_LOG_LEVEL: "INFO" },
      cwd: home,
    }),
  );
  const url = `http://127.0.0.1:${port}`;
  const answers = () =>
    program.isRunning()
      ? fetch(`${url}/api/server/get_info`, { method: "POST" }).then(
          ({ ok }) => ok,
          () => false,
        )
      : Promise.reject(new Error(`It ended: ${program.output().slice(-500)}`));
  try {
    await waitFor("the stock server to answer", answers, 90_000);
  } catch (err) {
    return { reason: String(err) };
  }
  return { who: "stock 0.21.2", url, token };
};
