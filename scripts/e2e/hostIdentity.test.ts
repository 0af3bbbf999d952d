/** Who hosts are, with the compiled programs: set up anew, told apart from their copies, labelled, and shared. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { cpSync, lstatSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readMachine } from "../../agent/inventory/machine.ts";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { type Agent, startAgent } from "./harness/agent.ts";
import type { Client } from "./harness/client.ts";
import { type Coordinator, startCoordinator } from "./harness/coordinator.ts";
import { createNetwork, type Host } from "./harness/network.ts";
import { startProgram } from "./harness/program.ts";
import { AGENT, cleanEnvironment } from "./harness/programs.ts";
import { describeWith } from "./harness/requirements.ts";
import { SMALL } from "./harness/system.ts";

interface Listed {
  id: string;
  name: string;
  status: string;
  closed: string | null;
}

describeWith(["programs", "root"], "who a host is", () => {
  const undo = new AsyncDisposableStack();
  let coordinator: Coordinator;
  let client: Client;
  let hosts: Host[];
  let dir: string;
  let agent: Agent;

  beforeAll(async () => {
    dir = undo.use(tempDir()).path;
    const network = undo.use(await createNetwork());
    hosts = [await network.addHost("one"), await network.addHost("two")];
    // Hosts ask again every few seconds: that tells two with one identity apart.
    const env = { DSTACK_SERVER_HOST_SILENCE_SECONDS: "10" };
    coordinator = undo.use(await startCoordinator({ dir: join(dir, "coordinator"), ip: network.ip, env }));
    client = coordinator.client;
  }, 60_000);
  afterAll(() => undo.disposeAsync(), 60_000);

  /** The host `gpu-1`, whose state is in `host`. */
  const join1 = () =>
    startAgent({
      coordinator,
      dir: join(dir, "host"),
      name: "gpu-1",
      fleet: "lab",
      runtime: "process",
      ...(hosts[0] ? { place: hosts[0] } : {}),
    });
  const instances = async (): Promise<Listed[]> =>
    JSON.parse(await client.dstackOk(["instance", "list", "--json"])).instances;
  const apply = (name: string, more: Record<string, unknown>, args: string[] = []) =>
    client.dstackOk(["apply", "-y", "-f", "-", ...args], {
      input: JSON.stringify({
        type: "task",
        name,
        commands: ["echo it was here"],
        resources: SMALL,
        ...more,
      }),
    });

  test("a host that was removed and set up anew is the host that it was", async () => {
    const first = await join1();
    const [before] = await instances();
    await client.dstackOk(["instance", "label", "lab-0", "rack=a1"]);
    expect(await apply("labelled", { instances: ["rack=a1"] })).toContain("it was here");
    await client.dstackOk(["instance", "remove", "lab-0", "-y"]);
    await first[Symbol.asyncDispose]();
    rmSync(first.stateDir, { recursive: true });
    agent = undo.use(await join1());
    const [after] = await instances();
    // A machine without any name of its own is another one each time.
    expect(after?.name).toBe(readMachine("/").machine ? "lab-0" : "lab-1");
    expect(after?.id).not.toBe(before?.id ?? "");
    const events = await client.dstackOk(["event", "--target-instance", after?.name ?? ""]);
    if (after?.name === "lab-0") expect(events).toContain("Instance labels changed: rack=a1");
    const last = /Instance created on host joining( again \(the same machine .*\))?\. Status: IDLE$/;
    expect(events.trimEnd()).toMatch(last);
  }, 60_000);

  test("a fleet that is shared runs jobs of another project, by its name there, until it is shared no more", async () => {
    const url = ["--url", coordinator.url, "--token", coordinator.token];
    const made = await fetch(`${coordinator.url}/api/projects/create`, {
      method: "POST",
      headers: { authorization: `Bearer ${coordinator.token}`, "content-type": "application/json" },
      body: JSON.stringify({ project_name: "team" }),
    });
    expect(made.status).toBe(200);
    await client.dstackOk(["project", "add", "--name", "team", ...url, "-n"]);
    const there = ["--project", "team"];
    await client.dstackOk(["export", "create", "capacity", "--fleet", "lab", "--importer", "team"]);
    expect(await client.dstackOk(["fleet", ...there])).toContain("main/lab");
    expect(await apply("guest", { fleets: ["main/lab"] }, there)).toContain("it was here");
    await client.dstackOk(["export", "delete", "capacity", "-y"]);
    const { code, stdout } = await client.dstack(["apply", "-y", "-f", "-", ...there], {
      input: JSON.stringify({ type: "task", name: "late", commands: ["true"], resources: SMALL }),
    });
    expect([code, stdout]).toEqual([1, expect.stringContaining("No")]);
  }, 60_000);

  test("a copy of its disk on another host: neither gets jobs, and both are named", async () => {
    const [, place] = hosts;
    const state = join(dir, "copy");
    await agent.program.stop();
    cpSync(agent.stateDir, state, { recursive: true, filter: (path) => !lstatSync(path).isSocket() });
    agent.restart();
    const bootId = join(dir, "boot-id");
    writeFileSync(bootId, `${crypto.randomUUID()}\n`);
    const identity = JSON.parse(await Bun.file(join(state, "identity.json")).text());
    writeFileSync(join(state, "identity.json"), JSON.stringify({ ...identity, name: "gpu-2" }), {
      mode: 0o600,
    });
    const inBoot = 'mount --bind "$0" /proc/sys/kernel/random/boot_id && exec "$@"';
    undo.use(
      startProgram({
        name: "the copy",
        command: ["unshare", "--mount", "sh", "-c", inBoot, bootId, AGENT, "run", "--state-dir", state],
        logFile: join(dir, "copy.log"),
        env: cleanEnvironment(dir),
        cwd: dir,
        ...(place ? { place } : {}),
      }),
    );
    const closed = await waitFor(
      "both to be told apart",
      async () => (await instances()).find(({ closed: why }) => why !== null)?.closed ?? undefined,
      40_000,
    );
    expect(closed).toContain("two hosts have this identity");
    for (const name of ["gpu-1", "gpu-2"]) expect(closed).toContain(name);
  }, 60_000);
});
