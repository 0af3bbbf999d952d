import { type CliOptions, newPerson, type Person } from "../../cli/testing/runCli.ts";
import {
  startTestCoordinator,
  type TestCoordinator,
} from "../../coordinator/testing/startTestCoordinator.ts";
import { type Performance, TestAgent } from "../../coordinator/testing/testAgent.ts";
import { Run } from "../../shared/api/runs.ts";
import type { Assignment } from "../../shared/protocol/assignment.ts";
import { waitFor } from "../../shared/testing/waitFor.ts";

/** A coordinator, a host in the fleet "lab" that pretends to run jobs, and somebody at the command line. */
export interface Lab extends AsyncDisposable {
  readonly coordinator: TestCoordinator;
  readonly person: Person;
  /** Lets the host do by itself what it is told, from now on. */
  autopilot(perform: (assignment: Assignment) => Performance): void;
  /** The host, to be led step by step. */
  readonly agent: TestAgent;
  /** A task that fits the host, with further lines. */
  task(name: string, ...lines: string[]): Promise<string>;
  getRun(name: string): Promise<Run>;
  waitForStatus(name: string, status: Run["status"]): Promise<Run>;
}

/** As wide as the recordings of the stock client. */
const COLUMNS = 140;

/** `coordinatorEnv`: settings of the coordinator. */
export const openLab = async (
  options: CliOptions = {},
  coordinatorEnv: Record<string, string> = {},
): Promise<Lab> => {
  await using opened = new AsyncDisposableStack();
  const coordinator = opened.use(await startTestCoordinator(coordinatorEnv));
  const agent = await TestAgent.join(coordinator);
  const env = {
    DSTACK_SERVER_URL: coordinator.url,
    DSTACK_TOKEN: coordinator.adminToken,
    DSTACK_PROJECT: "main",
  };
  const person = opened.use(newPerson({ columns: COLUMNS, ...options, env: { ...env, ...options.env } }));
  const landing = new AbortController();
  const flights: Promise<void>[] = [];
  opened.defer(async () => {
    landing.abort();
    await Promise.all(flights);
  });
  const closers = opened.move();
  const getRun = async (name: string) =>
    Run.parse((await coordinator.post("/api/project/main/runs/get", { run_name: name })).body);
  return {
    coordinator,
    person,
    agent,
    autopilot: (perform) => void flights.push(agent.autopilot(perform, landing.signal)),
    task: (name, ...lines) =>
      person.write(
        `${name}.dstack.yml`,
        [
          "type: task",
          `name: ${name}`,
          "fleets: [lab]",
          "commands: [echo]",
          "resources: {cpu: 1.., memory: 1GB.., disk: 2GB..}",
          ...lines,
          "",
        ].join("\n"),
      ),
    getRun,
    waitForStatus: (name, status) =>
      waitFor(`run ${name} ${status}`, async () => {
        const run = await getRun(name);
        return run.status === status && run;
      }),
    [Symbol.asyncDispose]: () => closers.disposeAsync(),
  };
};

/** Times differ from run to run. */
export const withoutTimes = (text: string): string => text.replaceAll(/\b\d\d:\d\d$/gm, "<time>");
