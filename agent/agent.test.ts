/** The whole agent as a process of its own, against a coordinator that is up, down, slow and forgetful. */
import { expect, test } from "bun:test";
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { Inventory } from "../shared/protocol/inventory.ts";
import { waitFor } from "../shared/testing/waitFor.ts";
import { endOf, sh, startHost } from "./testing/startHost.ts";

test("a job goes from its assignment to its last log byte, and is forgotten", async () => {
  await using host = await startHost();
  const { coordinator } = host;
  host.run();
  const submission = coordinator.assign(sh("echo hello; exit 3"));
  expect(await endOf(submission)).toMatchObject({
    reason: "container_exited_with_error",
    exit_status: 3,
    log_bytes: "hello\r\n".length,
  });
  expect(submission.log.toString()).toBe("hello\r\n");
  expect(submission.reports.map((report) => report.fact.state)).toEqual(["running", "finished"]);
  expect(submission.reports.map((report) => report.sequence)).toEqual([1, 2]);
  coordinator.wake();
  await waitFor("the job's folder to go", () => readdirSync(join(host.stateDir, "jobs")).length === 0);
  await waitFor("an empty held set", () => {
    coordinator.wake();
    return coordinator.held.length === 0;
  });
  expect(statSync(host.stateDir).mode & 0o777).toBe(0o700);
  expect(statSync(join(host.stateDir, "identity.json")).mode & 0o777).toBe(0o600);
});

test("kill -9 of the agent costs a running job nothing, nor one that ends meanwhile", async () => {
  await using host = await startHost();
  const { coordinator, stateDir } = host;
  const first = host.run();
  const gate = join(stateDir, "gate");
  const waits = `echo one; until [ -e ${gate} ]; do sleep 0.02; done; echo two`;
  const [long, short] = [
    coordinator.assign(sh(`${waits}; exit 4`)),
    coordinator.assign(sh(`${waits}; exit 5`)),
  ];
  await waitFor("both to run", () => [long, short].every((one) => one.log.includes("one")));
  first.kill("SIGKILL");
  await first.exited;
  await Bun.write(gate, "");
  await waitFor("the ends", () =>
    [long, short].every((one) =>
      existsSync(join(stateDir, "jobs", one.assignment.submission_id, "exit.json")),
    ),
  );
  host.run();
  for (const [submission, status] of [
    [long, 4],
    [short, 5],
  ] as const) {
    expect(await endOf(submission)).toMatchObject({ exit_status: status });
    expect(submission.log.toString()).toBe("one\r\ntwo\r\n");
    expect(submission.reports.map((report) => report.sequence)).toEqual([1, 2]);
  }
});

test("an agent that was killed takes up a job that still runs", async () => {
  await using host = await startHost();
  const { coordinator, stateDir } = host;
  const first = host.run();
  const gate = join(stateDir, "gate");
  const submission = coordinator.assign(
    sh(`echo one; until [ -e ${gate} ]; do sleep 0.02; done; echo two; exit 6`),
  );
  await waitFor("output", () => submission.log.includes("one"));
  first.kill("SIGKILL");
  await first.exited;
  host.run();
  await waitFor("the agent to be back", () => coordinator.syncs.at(-1)?.held[0]?.state === "running");
  await Bun.write(gate, "");
  expect(await endOf(submission)).toMatchObject({ exit_status: 6 });
  expect(submission.log.toString()).toBe("one\r\ntwo\r\n");
});

test("SIGTERM ends the agent at once and no job", async () => {
  await using host = await startHost();
  const { coordinator, stateDir } = host;
  const first = host.run();
  const gate = join(stateDir, "gate");
  const submission = coordinator.assign(sh(`echo one; until [ -e ${gate} ]; do sleep 0.02; done; echo two`));
  await waitFor("output", () => submission.log.includes("one"));
  first.kill("SIGTERM");
  expect(await first.exited).toBe(0);
  host.run();
  await Bun.write(gate, "");
  expect(await endOf(submission)).toMatchObject({ exit_status: 0 });
});

test("a coordinator that is away costs nothing", async () => {
  await using host = await startHost();
  const { coordinator, stateDir } = host;
  host.run();
  const gate = join(stateDir, "gate");
  const submission = coordinator.assign(
    sh(`echo one; until [ -e ${gate} ]; do sleep 0.02; done; seq 1000; exit 7`),
  );
  await waitFor("output", () => submission.log.includes("one"));
  await coordinator.down();
  await Bun.write(gate, "");
  const exit = join(stateDir, "jobs", submission.assignment.submission_id, "exit.json");
  await waitFor("the end on the host", () => existsSync(exit));
  coordinator.up();
  expect(await endOf(submission)).toMatchObject({ exit_status: 7 });
  expect(submission.log.toString()).toEndWith("999\r\n1000\r\n");
});

test("a stop is wanted, not said: grace for the command, and an answer also for what never came here", async () => {
  await using host = await startHost();
  const { coordinator } = host;
  host.run();
  const running = coordinator.assign(sh("echo up; sleep 600"));
  await waitFor("output", () => running.log.includes("up"));
  coordinator.stop(running, 60_000);
  expect(await endOf(running)).toMatchObject({
    reason: "terminated_by_user",
    exit_status: -1,
    signal: "SIGINT",
  });
  const never = coordinator.assign(sh("echo no"), { graceMs: 0 });
  await waitFor("an answer", () => never.reports.at(-1)?.fact.state === "finished");
  expect(never.log.toString()).toBe("");
});

test("an expired credential is replaced by the proof of the host's key", async () => {
  await using host = await startHost();
  const { coordinator } = host;
  host.run();
  await waitFor("a sync", () => coordinator.syncs.length > 0);
  coordinator.enrolled.push(...coordinator.enrolled);
  coordinator.wake();
  await waitFor("a proof by key", () => coordinator.enrolled.at(-1)?.proof.kind === "key");
  expect(await endOf(coordinator.assign(sh("echo again")))).toMatchObject({ exit_status: 0 });
});

test("what changes on the host is told without a restart, at once when an administrator says so", async () => {
  await using host = await startHost();
  const { coordinator, stateDir } = host;
  const unix = join(stateDir, "../docker.sock");
  const agent = host.run(["--runtime", "auto"], { DOCKER_HOST: `unix://${unix}` });
  await waitFor("a sync", () => coordinator.syncs.length > 0);
  expect(coordinator.syncs[0]?.inventory?.runtime).toBe("process");
  const info = { ServerVersion: "28.2.2", DockerRootDir: "/", NCPU: 3, MemTotal: 2 * 1024 ** 3 };
  const engine = Bun.serve({ unix, fetch: () => Response.json(info) });
  agent.kill("SIGHUP");
  const told = () => coordinator.syncs.findLast((sync) => sync.inventory)?.inventory;
  await waitFor("the engine to be told", () => told()?.runtime === "docker");
  expect(told()).toMatchObject({ engine_version: "28.2.2", cpus: 3 });
  await engine.stop(true);
});

test("inventory says what the host is and has, as JSON, whether it has joined or not", async () => {
  await using host = await startHost();
  const { out, code } = await host.finish(["inventory", "--name", "box", "--runtime", "process"]);
  expect(code).toBe(0);
  expect(Inventory.parse(JSON.parse(out))).toMatchObject({ hostname: "box", runtime: "process" });
});

test("a second agent is refused, by the state directory or by the coordinator", async () => {
  await using host = await startHost();
  const { coordinator } = host;
  const first = host.run();
  await waitFor("a sync", () => coordinator.syncs.length > 0);
  const second = await host.finish(["run"]);
  expect(second.code).toBe(1);
  expect(second.err).toContain("dstack-agent: Another agent is running on this host");
  coordinator.faults = { isFenced: true };
  coordinator.wake();
  // Not 1: a service manager must not start it again (install.sh).
  expect(await first.exited).toBe(3);
  expect(await new Response(first.stderr).text()).toContain("has taken over");
});
