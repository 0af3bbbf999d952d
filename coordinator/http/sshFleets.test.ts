import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { Fleet, FleetPlan } from "../../shared/api/fleets.ts";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { openJoiningHost } from "../testing/joiningHost.ts";
import { newKey, type SshHost } from "../testing/sshHost.ts";
import { startTestCoordinator, type TestCoordinator } from "../testing/startTestCoordinator.ts";
import type { TestAgent } from "../testing/testAgent.ts";

const P = "/api/project/main";
const KEY = newKey();

let coordinator: TestCoordinator;
beforeEach(async () => {
  coordinator = await startTestCoordinator();
});
afterEach(() => coordinator[Symbol.asyncDispose]());

type Hosts = (string | Record<string, unknown>)[];

/** Hosts that refuse the connection, unless something else is said. */
const specOf = (name: string, hosts: Hosts, ssh: Record<string, unknown> = {}) => ({
  configuration: {
    type: "fleet",
    name,
    ssh_config: {
      user: "root",
      port: 1,
      identity_file: "~/.ssh/id",
      ssh_key: { public: `${KEY.public}\n`, private: KEY.private },
      hosts,
      ...ssh,
    },
  },
  configuration_path: "fleet.dstack.yml",
  profile: { name: "default" },
});
type Spec = ReturnType<typeof specOf>;

const plan = (spec: Spec, options = {}) => coordinator.post(`${P}/fleets/get_plan`, { spec }, options);
const apply = async (spec: Spec, { token, ...more }: { token?: string; sudo_password?: string } = {}) => {
  const current = await find(spec.configuration.name);
  const body = { plan: { spec, current_resource: current ?? null }, force: false, ...more };
  return coordinator.post(`${P}/fleets/apply`, body, token === undefined ? {} : { token });
};
const find = async (name: string): Promise<Fleet | undefined> => {
  const { status, body } = await coordinator.post(`${P}/fleets/get`, { name });
  return status === 200 ? Fleet.parse(body) : undefined;
};
const hostnames = async (name: string) =>
  (await find(name))?.instances.map(({ hostname, status }) => `${hostname} ${status}`);

const openHost = async (): Promise<SshHost & { agents: TestAgent[] }> => {
  const agents: TestAgent[] = [];
  const host = await openJoiningHost(coordinator, { onJoin: (agent) => agents.push(agent) });
  return Object.assign(host, { agents });
};
/** As `ssh_config` says it. */
const reach = (host: SshHost) => ({ port: host.port, ssh_key: { public: "", private: host.login().key } });

describe("an SSH fleet", () => {
  test("has a pending instance for each host at once, and shows no key to anybody", async () => {
    const jump = {
      hostname: "bastion",
      user: "j",
      identity_file: "~/j",
      ssh_key: { public: "", private: KEY.private },
    };
    const hosts = ["127.0.0.1", { hostname: "127.0.0.2", port: 2, user: "ann", blocks: 2, proxy_jump: jump }];
    const spec = specOf("rack", hosts);
    const planned = await plan(spec);
    const { spec: echoed, effective_spec: effective, ...rest } = FleetPlan.parse(planned.body);
    expect(JSON.stringify(echoed)).toContain(JSON.stringify(KEY.private).slice(1, -1));
    expect(JSON.stringify(effective)).not.toContain("PRIVATE KEY");
    expect(rest).toMatchObject({ action: "create", offers: [], total_offers: 0, no_offers_reason: null });
    const applied = await apply(spec, { sudo_password: "geheim" });
    expect(Fleet.parse(applied.body).instances).toMatchObject([
      {
        name: "rack-0",
        hostname: "127.0.0.1",
        status: "pending",
        backend: "remote",
        region: "remote",
        price: 0,
        instance_type: { name: "ssh", resources: { cpus: 2, memory_mib: 8 } },
        total_blocks: 1,
      },
      {
        name: "rack-1",
        hostname: "127.0.0.2",
        total_blocks: 2,
        ssh: { port: 2, user: "ann", proxy_jump: "j@bastion:22", host_key: null },
      },
    ]);
    const shown = [
      applied.body,
      await find("rack"),
      (await coordinator.post(`${P}/fleets/list`, {})).body,
      (await coordinator.post("/api/instances/list", {})).body,
      (await coordinator.post("/api/events/list", {})).body,
    ];
    for (const one of shown) expect(JSON.stringify(one)).not.toMatch(/PRIVATE KEY|geheim/);
    expect(JSON.stringify(shown.at(-1))).toContain("Instance created on fleet creation");
  });

  test("whose host does not come in says so, and tries again when it is applied again", async () => {
    await coordinator[Symbol.asyncDispose]();
    coordinator = await startTestCoordinator({ DSTACK_SERVER_SSH_FLEET_SECONDS: "1" });
    await apply(specOf("rack", ["127.0.0.1"]));
    await waitFor("the end", async () => (await hostnames("rack"))?.join() === "127.0.0.1 terminated");
    expect((await find("rack"))?.instances[0]).toMatchObject({
      termination_reason: "provisioning_timeout",
      termination_reason_message: expect.stringContaining(
        "connecting: cannot log in to 127.0.0.1:1: the connection is refused. Is it up",
      ),
    });
    expect((await apply(specOf("rack", ["127.0.0.1"]))).status).toBe(200);
    expect((await find("rack"))?.instances).toMatchObject([{ instance_num: 1, status: "pending" }]);
  });

  test("takes hosts up and gives them up in place, and tells those that go", async () => {
    await using host = await openHost();
    const first = specOf("rack", [{ hostname: "127.0.0.1", ...reach(host) }]);
    await apply(first);
    await waitFor("the host to be in", async () => (await hostnames("rack"))?.join() === "127.0.0.1 idle");
    const both = specOf("rack", [...first.configuration.ssh_config.hosts, "127.0.0.3"]);
    expect((await plan(both)).body).toMatchObject({ action: "update" });
    expect((await apply(both)).status).toBe(200);
    expect((await hostnames("rack"))?.[0]).toBe("127.0.0.1 idle");
    expect(await hostnames("rack")).toHaveLength(2);
    const other = specOf("rack", ["127.0.0.3"]);
    expect((await apply(other)).status).toBe(200);
    expect((await hostnames("rack"))?.join()).toMatch(/^127\.0\.0\.3 /);
    expect((await find("rack"))?.spec.configuration.ssh_config?.hosts).toEqual(["127.0.0.3"]);
    const [agent] = host.agents;
    await expect(agent?.sync()).rejects.toThrow();
    expect(host.logins()).toBe(1);
    // It may come back, here or elsewhere.
    expect((await apply(first)).status).toBe(200);
    await waitFor(
      "the host to be in again",
      async () => (await hostnames("rack"))?.join() === "127.0.0.1 idle",
    );
  });

  test("shows the key of a host that it has seen", async () => {
    await using host = await openHost();
    await apply(specOf("rack", [{ hostname: "127.0.0.1", ...reach(host) }]));
    await waitFor("the host to be in", async () => (await hostnames("rack"))?.join() === "127.0.0.1 idle");
    expect((await find("rack"))?.instances[0]?.ssh).toMatchObject({
      host_key: expect.stringMatching(/^SHA256:[A-Za-z0-9+/]{43}$/),
      step: "done",
      rights: "root",
      attempts: 1,
      error: null,
    });
  });

  test("cannot have a host that is in another fleet, of whatever project", async () => {
    await apply(specOf("rack", ["127.0.0.1", "Gpu-1"]));
    for (const answer of [await plan(specOf("shelf", ["gpu-1"])), await apply(specOf("shelf", ["gpu-1"]))]) {
      expect(answer.status).toBe(400);
      expect(JSON.stringify(answer.body)).toContain(
        "A host can be in one fleet only: gpu-1 (in the fleet rack)",
      );
    }
    expect(await find("shelf")).toBeUndefined();
    await coordinator.post(`${P}/fleets/delete`, { names: ["rack"] });
    expect((await apply(specOf("shelf", ["gpu-1"]))).status).toBe(200);
  });

  test("loses a host by its number, and can do without", async () => {
    await apply(specOf("rack", ["127.0.0.1", "127.0.0.2"]));
    await coordinator.post(`${P}/fleets/delete_instances`, { name: "rack", instance_nums: [0] });
    expect((await find("rack"))?.instances.map(({ instance_num: num }) => num)).toEqual([1]);
    // As with the reference, the configuration stays as it was.
    expect((await find("rack"))?.spec.configuration.ssh_config?.hosts).toHaveLength(2);
  });

  test.each<[string, Hosts, Record<string, unknown>, string]>([
    ["the same host twice", ["a", "A"], {}, "the host A is there more than once"],
    ["no host at all in a name", ["-oProxyCommand=x"], {}, "is no name or address of a host"],
    ["a port that is none", [{ hostname: "a", port: 70_000 }], {}, "the port of a is 1 to 65535, not 70000"],
    ["an odd user", ["a"], { user: "a b" }, "is no name of a user"],
    [
      "a key that is none",
      ["a"],
      { ssh_key: { public: "", private: "x" } },
      "the private key for a cannot be read",
    ],
    [
      "a public key",
      ["a"],
      { ssh_key: { public: "", private: KEY.public } },
      "the private key for a is a public one",
    ],
    [
      "a jump host without a key",
      ["a"],
      { proxy_jump: { hostname: "j", user: "u", identity_file: "k" } },
      "there is no private key for the jump host j",
    ],
  ])("with %s is refused before anything is made", async (_, hosts, ssh, message) => {
    for (const answer of [await plan(specOf("rack", hosts, ssh)), await apply(specOf("rack", hosts, ssh))]) {
      expect(answer.status).toBe(400);
      expect(JSON.stringify(answer.body)).toContain(message);
    }
    expect(await find("rack")).toBeUndefined();
  });

  test("without the key that its file names is refused when it is applied", async () => {
    const spec = specOf("rack", ["a"], { ssh_key: null });
    expect(JSON.stringify((await apply(spec)).body)).toContain("no private key was sent for a");
    expect(await find("rack")).toBeUndefined();
  });
});

describe("who may manage SSH fleets", () => {
  const permissionOf = async (username: string) => {
    const { body } = await coordinator.post("/api/projects/main/get", {});
    const { members } = body as { members: { user: { username: string }; permissions: unknown }[] };
    return members.find(({ user }) => user.username === username)?.permissions;
  };

  test("is every member", async () => {
    const token = await coordinator.addUser("ann", "user");
    expect((await apply(specOf("rack", ["127.0.0.1"]), { token })).status).toBe(200);
    expect(await permissionOf("ann")).toMatchObject({ can_manage_ssh_fleets: true });
  });

  test("is for the server to say", async () => {
    await coordinator[Symbol.asyncDispose]();
    coordinator = await startTestCoordinator({ DSTACK_ALLOW_NON_ADMINS_MANAGE_SSH_FLEETS: "0" });
    const [user, admin] = [
      await coordinator.addUser("ann", "user"),
      await coordinator.addUser("bob", "admin"),
    ];
    expect((await apply(specOf("rack", ["127.0.0.1"]), { token: user })).status).toBe(403);
    expect(await permissionOf("ann")).toMatchObject({ can_manage_ssh_fleets: false });
    expect((await apply(specOf("rack", ["127.0.0.1"]), { token: admin })).status).toBe(200);
  });
});
