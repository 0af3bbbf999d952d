/** Keys of SSH hosts: forgotten once they have been used, or kept by somebody's wish for installing a host anew. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { createClient } from "@libsql/client";
import { Fleet } from "../../shared/api/fleets.ts";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { openJoiningHost } from "../testing/joiningHost.ts";
import { newKey, type SshHost } from "../testing/sshHost.ts";
import { startTestCoordinator, type TestCoordinator } from "../testing/startTestCoordinator.ts";
import type { TestAgent } from "../testing/testAgent.ts";

const P = "/api/project/main";
const PASSWORD = "a password that is nowhere else";

let dir: ReturnType<typeof tempDir>;
let coordinator: TestCoordinator;
let host: SshHost;
let agents: TestAgent[];

beforeEach(async () => {
  dir = tempDir();
  coordinator = await startTestCoordinator({ DSTACK_SERVER_DIR: dir.path });
  agents = [];
  host = await openJoiningHost(coordinator, { onJoin: (agent) => agents.push(agent) });
});
afterEach(async () => {
  await host[Symbol.asyncDispose]();
  await coordinator[Symbol.asyncDispose]();
  dir[Symbol.dispose]();
});

const lab0 = async () => {
  const { body } = await coordinator.post(`${P}/fleets/get`, { name: "lab" });
  return Fleet.parse(body).instances[0];
};

/** Applies a fleet of the one host, and waits until that is in. */
const apply = async (more: Record<string, unknown> = {}): Promise<void> => {
  const jump = newKey();
  const ssh_config = {
    user: "root",
    identity_file: "~/.ssh/id",
    ssh_key: jump,
    hosts: [{ hostname: "127.0.0.1", port: host.port, ssh_key: { public: "", private: host.login().key } }],
  };
  const spec = {
    configuration: { type: "fleet", name: "lab", ssh_config },
    configuration_path: "fleet.dstack.yml",
    profile: { name: "default" },
  };
  const body = { plan: { spec, current_resource: null }, force: false, sudo_password: PASSWORD, ...more };
  expect((await coordinator.post(`${P}/fleets/apply`, body)).status).toBe(200);
  await isIn();
};

const isIn = () => waitFor("the host to be in", async () => (await lab0())?.status === "idle");

const reinstall = (more: Record<string, unknown> = {}, token?: string) =>
  coordinator.post(
    `${P}/instances/reinstall`,
    { name: "lab-0", ...more },
    token === undefined ? {} : { token },
  );

/** In the coordinator's own database, beside it. */
const query = async (sql: string) => {
  const files = readdirSync(dir.path, { recursive: true, encoding: "utf8" });
  const database = files.find((file) => file.endsWith(".db") || file.endsWith(".sqlite"));
  if (!database) throw new Error(`There is no database among ${files}`);
  const client = createClient({ url: `file:${join(dir.path, database)}` });
  try {
    return (await client.execute(sql)).rows;
  } finally {
    client.close();
  }
};

const sealed = async (): Promise<unknown[]> =>
  (await query("SELECT secrets_sealed FROM ssh_hosts")).map((row) => row["secrets_sealed"]);

/** Whether any file of the coordinator has the text. */
const isStored = (text: string): boolean =>
  readdirSync(dir.path, { recursive: true, encoding: "utf8" })
    .map((file) => join(dir.path, file))
    .filter((path) => statSync(path).isFile())
    .some((path) => readFileSync(path).includes(text));

test("what is stored can be found", async () => {
  await apply();
  expect(isStored("127.0.0.1")).toBe(true);
});

/** The middle of a key as it is written down: no other has it. */
const gist = (key: string): string => {
  const lines = key.trim().split("\n");
  return lines[Math.floor(lines.length / 2)] ?? "";
};

describe("a key that nobody asked to keep", () => {
  test("is nowhere once the host is in, and nothing can be installed by it", async () => {
    await apply();
    expect(await sealed()).toEqual([null]);
    for (const secret of [gist(host.login().key), PASSWORD]) expect(isStored(secret)).toBe(false);
    expect((await lab0())?.ssh?.keeps_key).toBe(false);
    const refused = await reinstall();
    expect(refused.status).toBe(400);
    expect(JSON.stringify(refused.body)).toContain("no key of its host is kept");
    expect(host.logins()).toBe(1);
  });
});

describe("a key that is kept", () => {
  test("is sealed, opens the host once more, and the instance has its name and its labels again", async () => {
    await apply({ keep_ssh_keys: true });
    const first = await lab0();
    expect(first?.ssh?.keeps_key).toBe(true);
    expect(await sealed()).toEqual([expect.any(String)]);
    for (const secret of [gist(host.login().key), PASSWORD]) expect(isStored(secret)).toBe(false);
    await coordinator.post(`${P}/instances/label`, { name: "lab-0", labels: { rack: "a1" } });
    expect((await reinstall()).status).toBe(200);
    await waitFor("the second login", () => agents.length === 2);
    await isIn();
    const second = await lab0();
    expect(second).toMatchObject({ name: "lab-0", labels: { rack: "a1" } });
    expect(second?.id).not.toBe(first?.id ?? "");
    await expect(agents[0]?.sync()).rejects.toThrow("401");
    await agents[1]?.sync();
    // Again and again.
    expect((await reinstall()).status).toBe(200);
    await waitFor("the third login", () => agents.length === 3);
    const { body } = await coordinator.post("/api/events/list", { target_instances: [first?.id] });
    expect(JSON.stringify(body)).toContain("Instance created on reinstallation");
  });

  test("is not lost, nor is the host, when the coordinator fails in the middle", async () => {
    await apply({ keep_ssh_keys: true });
    const [first, key] = [await lab0(), await sealed()];
    const full =
      "CREATE TRIGGER full BEFORE INSERT ON ssh_hosts BEGIN SELECT RAISE(FAIL, 'the disk is full'); END";
    await query(full);
    expect((await reinstall()).status).toBe(500);
    expect(await lab0()).toMatchObject({ id: first?.id, status: "idle" });
    expect(await sealed()).toEqual(key);
    await agents[0]?.sync();
    await query("DROP TRIGGER full");
    expect((await reinstall()).status).toBe(200);
    await waitFor("the second login", () => agents.length === 2);
    await isIn();
  });

  test("goes with the host", async () => {
    await apply({ keep_ssh_keys: true });
    await coordinator.post(`${P}/fleets/delete_instances`, { name: "lab", instance_nums: [0] });
    expect(await sealed()).toEqual([]);
  });

  test("opens no other machine in the place of the host", async () => {
    await apply({ keep_ssh_keys: true });
    await host.changeHostKey();
    expect((await reinstall()).status).toBe(200);
    await waitFor("the end", async () => (await lab0())?.status === "terminated");
    expect((await lab0())?.termination_reason_message).toContain("key");
    expect(agents).toHaveLength(1);
  });

  test("does not take a job's host away, unless it is forced", async () => {
    await apply({ keep_ssh_keys: true });
    const resources = { cpu: "1..", memory: "1GB..", disk: null };
    const configuration = { type: "task", commands: ["true"], image: "busybox", resources };
    const plan = { run_spec: { run_name: "there", configuration }, current_resource: null };
    await coordinator.post(`${P}/runs/apply`, { plan, force: false });
    await agents[0]?.take();
    expect(JSON.stringify((await reinstall()).body)).toContain("lab-0 has a running job");
    expect((await lab0())?.status).toBe("busy");
    expect((await reinstall({ force: true })).status).toBe(200);
    await waitFor("the second login", () => agents.length === 2);
    const { body } = await coordinator.post(`${P}/runs/get`, { run_name: "there" });
    expect(body).toMatchObject({ status: "failed" });
  });

  test("is used by those who may set hosts up", async () => {
    await apply({ keep_ssh_keys: true });
    for (const role of [undefined, "user"] as const)
      expect((await reinstall({}, await coordinator.addUser(`a-${role}`, role))).status).toBe(403);
    expect((await reinstall({}, await coordinator.addUser("max", "manager"))).status).toBe(200);
  });
});
