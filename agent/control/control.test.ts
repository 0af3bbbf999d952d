/** The commands for whoever runs a host, with a whole agent behind the socket or none. */
import { expect, test } from "bun:test";
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { endOf, sh, startHost } from "../testing/startHost.ts";
import { controlSocket } from "./server.ts";

/** Each look is a process of its own. */
const SLOW_MS = 20_000;

const up = async (host: Awaited<ReturnType<typeof startHost>>) => {
  const agent = host.run();
  let status = "";
  const isConnected = async () => {
    if (agent.exitCode !== null) throw new Error(`It ended:\n${await new Response(agent.stderr).text()}`);
    status = (await host.finish(["status"])).out;
    return status.includes("Link         connected");
  };
  await waitFor("the agent to be connected", isConnected, SLOW_MS).catch((err: unknown) => {
    throw new Error(`Its status was last\n${status}`, { cause: err });
  });
  return agent;
};

test("status says who the host is and what it does, with an agent and without", async () => {
  await using host = await startHost();
  const { coordinator, stateDir } = host;
  const before = await host.finish(["status"]);
  expect(before).toMatchObject({ code: 0, err: "" });
  expect(before.out).toContain("Agent        not running");
  expect(JSON.parse((await host.finish(["status", "--json"])).out)).toMatchObject({ agent: null, jobs: 0 });
  const agent = await up(host);
  expect(statSync(controlSocket(stateDir)).mode & 0o777).toBe(0o600);
  const gate = join(stateDir, "gate");
  const submission = coordinator.assign(sh(`echo up; until [ -e ${gate} ]; do sleep 0.02; done`));
  await waitFor("output", () => submission.log.includes("up"));
  const { out } = await host.finish(["status"]);
  expect(out).toContain(`Coordinator  ${coordinator.url}\n`);
  expect(out).toContain("Link         connected for ");
  expect(out).toContain("State        takes jobs\n");
  expect(out).toContain("main/a-run: running for ");
  expect(JSON.parse((await host.finish(["status", "--json"])).out)).toMatchObject({
    agent: { pid: agent.pid },
    link: { state: "connected", reason: null },
    draining: null,
    jobs: [{ run_name: "a-run", state: "running" }],
  });
  await coordinator.down();
  await waitFor(
    "the outage to be seen",
    async () => (await host.finish(["status"])).out.includes("disconnected"),
    SLOW_MS,
  );
  coordinator.up();
  await Bun.write(gate, "");
  await endOf(submission);
});

test("a drain is told at once, outlives the agent, and lets jobs go on", async () => {
  await using host = await startHost();
  const { coordinator, stateDir } = host;
  expect((await host.finish(["drain"])).err).toContain("No agent runs with the state directory");
  const first = await up(host);
  const gate = join(stateDir, "gate");
  const submission = coordinator.assign(sh(`echo up; until [ -e ${gate} ]; do sleep 0.02; done`));
  await waitFor("output", () => submission.log.includes("up"));
  expect(await host.finish(["drain", "--reason", "new fans"])).toEqual({
    code: 0,
    out: "This host takes no new jobs\nJobs that go on: 1\n",
    err: "",
  });
  expect(coordinator.syncs.at(-1)?.draining).toMatchObject({ reason: "new fans" });
  first.kill("SIGKILL");
  await first.exited;
  expect(existsSync(controlSocket(stateDir))).toBe(true);
  expect((await host.finish(["status"])).out).toContain("not running");
  const known = coordinator.syncs.length;
  await up(host);
  expect(coordinator.syncs[known]?.draining).toMatchObject({ reason: "new fans" });
  expect((await host.finish(["status"])).out).toMatch(/State +draining for .*: new fans\n/);
  await Bun.write(gate, "");
  expect(await endOf(submission)).toMatchObject({ exit_status: 0 });
  expect((await host.finish(["undrain"])).out).toBe("This host takes jobs again\n");
  expect(coordinator.syncs.at(-1)?.draining).toBeUndefined();
});

test("leave waits for the last job, tells the coordinator and ends the agent", async () => {
  await using host = await startHost();
  const { coordinator, stateDir } = host;
  const agent = await up(host);
  const gate = join(stateDir, "gate");
  const submission = coordinator.assign(sh(`echo up; until [ -e ${gate} ]; do sleep 0.02; done`));
  await waitFor("output", () => submission.log.includes("up"));
  const leaving = host.finish(["leave"]);
  await waitFor("the drain", () => coordinator.syncs.at(-1)?.draining != null, SLOW_MS);
  expect(coordinator.hasLeft).toBe(false);
  await Bun.write(gate, "");
  await endOf(submission);
  coordinator.drop(submission);
  const { code, out } = await leaving;
  expect([code, out.split("\n").at(-2)]).toEqual([
    0,
    `This host has left ${coordinator.url}; the instance fleet-0 is removed`,
  ]);
  expect(coordinator.hasLeft).toBe(true);
  // Its service manager must not start it again (install.sh).
  expect(await agent.exited).toBe(4);
  expect(existsSync(join(stateDir, "identity.json"))).toBe(false);
  expect(await host.finish(["run"])).toMatchObject({ code: 4 });
  expect((await host.finish(["status"])).err).toContain("has not joined a fleet");
});

test("leave --force kills the jobs, and goes where nobody answers", async () => {
  await using host = await startHost();
  const { coordinator } = host;
  const agent = await up(host);
  const submission = coordinator.assign(sh("echo up; sleep 600"));
  await waitFor("output", () => submission.log.includes("up"));
  await coordinator.down();
  const { code, out } = await host.finish(["leave", "--force"]);
  expect([code, out.split("\n").at(-2)]).toEqual([
    0,
    `This host has left ${coordinator.url}, which could not be told: remove the instance fleet-0 there by hand`,
  ]);
  expect(await agent.exited).toBe(4);
}, 60_000);

test("without an agent a host leaves where no job is left", async () => {
  await using host = await startHost();
  expect(await host.finish(["leave"])).toEqual({
    code: 0,
    out: `This host has left ${host.coordinator.url}; the instance fleet-0 is removed\n`,
    err: "",
  });
  expect(host.coordinator.hasLeft).toBe(true);
});
