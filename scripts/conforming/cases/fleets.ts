import assert from "node:assert/strict";
import { join } from "node:path";
import type { Network } from "../../e2e/harness/network.ts";
import { type MachineOptions, startMachine } from "../../e2e/harness/sshMachine.ts";
import type { Case } from "../case.ts";
import { assertHas } from "../expect.ts";
import type { Stage } from "../stage.ts";
import { readTable } from "../table.ts";
import { CTRL_C } from "../terminal.ts";

const FLEETS = ["NAME", "NODES", "GPU", "SPOT", "BACKEND", "PRICE", "STATUS", "CREATED"];
const VERBOSE = [
  ...["NAME", "NODES", "RESOURCES", "DRIVER", "SPOT", "BACKEND", "PRICE", "STATUS", "CREATED", "ERROR"],
];
const SMALL = { cpu: "1..", memory: "64MB..", disk: "100MB.." };

/** One that has no instances yet: none is asked for. */
const empty = (name: string, more: Record<string, unknown> = {}) => ({
  type: "fleet",
  name,
  nodes: "0..1",
  resources: SMALL,
  ...more,
});

export const fleetCases: Case[] = [
  {
    name: "fleet-list",
    expect: "each fleet, and below it each instance; -v has resources, driver and errors",
    covers: { fleet: ["--verbose", "--project"], "fleet list": ["--verbose"] },
    run: async ({ ok }) => {
      for (const command of [
        ["fleet", "--project", "main"],
        ["fleet", "list"],
      ]) {
        const rows = readTable(await ok(command), FLEETS);
        const gpu = rows.findIndex(({ NAME }) => NAME === "gpu");
        assertHas(rows[gpu], { NODES: "1", BACKEND: "ssh", STATUS: "active" });
        assertHas(rows[gpu + 1], { NAME: "instance=0", GPU: "gpu=H100:80GB:8", BACKEND: /^ssh/ });
      }
      for (const command of [
        ["fleet", "-v"],
        ["fleet", "list", "-v"],
      ]) {
        const rows = readTable(await ok(command), VERBOSE);
        const gpu = rows.findIndex(({ NAME }) => NAME === "gpu");
        assertHas(rows[gpu + 1], { RESOURCES: /cpu=.* gpu=H100:80GB:8/, DRIVER: "570.124.06" });
      }
    },
  },
  {
    name: "fleet-watch",
    expect: "a live table on a terminal, Ctrl-C leaves with 0",
    covers: { fleet: ["--watch"], "fleet list": ["--watch"] },
    run: async ({ terminal }) => {
      for (const command of [["fleet"], ["fleet", "list"]]) {
        await using watching = terminal([...command, "-w"]);
        await watching.waitFor(/pool .*active/);
        watching.type(CTRL_C);
        assert.equal(await watching.ended(), 0);
      }
    },
  },
  {
    name: "fleet-get",
    expect: "the fleet and its instances as JSON, by name or id; without --json exit 2; none: exit 1",
    covers: { "fleet get": ["NAME", "--id", "--json"] },
    run: async ({ json, fails }) => {
      const fleet = await json(["fleet", "get", "pool", "--json"]);
      assertHas(fleet, { name: "pool", project_name: "main", spec: { configuration: { type: "fleet" } } });
      const { id, instances } = fleet as { id: string; instances: unknown[] };
      assertHas(instances[0], { instance_num: 0, status: /^(idle|busy)$/, unreachable: false });
      assertHas(await json(["fleet", "get", "--id", id, "--json"]), { id, name: "pool" });
      assertHas(await json(["fleet", "get", "main/pool", "--json"]), { id });
      assert.match(await fails(["fleet", "get", "absent", "--json"]), /Fleet .*absent.* not found/s);
      assert.match(await fails(["fleet", "get", "pool"], { code: 2 }), /--json/);
    },
  },
  {
    name: "fleet-of-ours",
    expect:
      "a fleet with a property that the reference does not know is listed and shown; so is how its hosts did",
    covers: { "fleet get": ["NAME"], fleet: ["--project"] },
    smoke: true,
    run: async ({ name, api, ok, json }) => {
      const configuration = { type: "fleet", name, nodes: "0..", default_image: "lab/base:1" };
      const spec = { configuration, profile: { name: "default" } };
      await api("fleets/apply", { plan: { spec, current_resource: null }, force: false });
      assert.match(await ok(["fleet"]), new RegExp(`^ ${name} `, "m"));
      assertHas(await json(["fleet", "get", name, "--json"]), { name, spec: { configuration: { name } } });
      const instance = { fleet_name: "pool", instance_num: 0 };
      assertHas(await api("instances/get_instance_health_checks", instance), {
        health_checks: [{ status: "healthy", events: [] }],
      });
    },
  },
  {
    name: "fleet-apply",
    expect: "plan, question, created; again: no changes; changed: updated in place; --force: made anew",
    covers: {
      apply: ["--file", "--yes", "--force", "--detach"],
      "apply fleet": ["--name"],
      delete: ["--file", "--yes"],
    },
    run: async ({ name, ok, stock, write, json, fails }) => {
      const file = await write("f.dstack.yml", empty("other"));
      const args = ["apply", "-f", file, "-n", name];
      const asked = await stock(args, { input: "n\n" });
      assert.equal(asked.code, 0);
      assert.match(asked.stdout, /^ Nodes +min=0 target=0 max=1 *$/m);
      assert.match(asked.stdout, new RegExp(`Fleet ${name} does not exist yet\\.`));
      assert.match(asked.stdout, /Create the fleet\? \[y\/n\]:[\s\S]*Exiting\.\.\./);
      const made = await ok([...args, "-y"]);
      assertHas(readTable(made, FLEETS)[0], { NAME: name, NODES: "0..1" });
      const first = (await json(["fleet", "get", name, "--json"])) as { id: string };
      assert.match(
        await ok([...args, "-y"]),
        /No configuration changes detected\. Use --force to apply anyway\./,
      );
      await write("f.dstack.yml", empty("other", { nodes: "0..2" }));
      const changed = await stock(args, { input: "y\n" });
      assert.match(changed.stdout, /Detected changes that can be updated in-place:/);
      assert.match(changed.stdout, /Update the fleet in-place\?/);
      assertHas(await json(["fleet", "get", name, "--json"]), {
        id: first.id,
        spec: { configuration: { nodes: { min: 0, max: 2 } } },
      });
      await write("f.dstack.yml", empty("other", { nodes: "0..2", placement: "cluster" }));
      const anew = await stock(args, { input: "n\n" });
      assert.match(anew.stdout, /Detected changes that cannot be updated in-place:/);
      assert.match(anew.stdout, /Re-create the fleet\?/);
      assert.match(await ok([...args, "-y", "-d"]), /Fleet configuration submitted\. Exiting\.\.\./);
      const second = (await json(["fleet", "get", name, "--json"])) as { id: string };
      assert.notEqual(second.id, first.id);
      await ok([...args, "-y", "--force"]);
      assert.notEqual(((await json(["fleet", "get", name, "--json"])) as { id: string }).id, second.id);
      await write("g.dstack.yml", empty(name));
      const kept = await stock(["delete", "-f", "g.dstack.yml"], { input: "n\n" });
      assert.match(kept.stdout, /Delete the fleet .*\?/);
      assert.match(await ok(["delete", "-f", "g.dstack.yml", "-y"]), new RegExp(`Fleet ${name} deleted`));
      assert.match(await fails(["delete", "-f", "g.dstack.yml", "-y"]), /does not exist/);
    },
  },
  {
    name: "fleet-instances",
    expect: "nodes: 1 waits for its instance; -i ends that one; in use: refused, exit 1; deleted at once",
    covers: { "fleet delete": ["NAME", "--instance", "--yes"] },
    run: async ({ name, ok, stock, write, task, json, fails, waitForStatus }) => {
      const file = await write("f.dstack.yml", { ...empty(name), nodes: 1 });
      const made = readTable(await ok(["apply", "-f", file, "-y"]), FLEETS);
      assertHas(made[1], { NAME: "instance=0", STATUS: "idle" });
      await ok(["apply", "-f", await task(["sleep 600"], { fleets: [name] }), "-y", "-d"]);
      await waitForStatus("running");
      const inUse = await fails(["fleet", "delete", name, "-y"]);
      assert.match(inUse, new RegExp(`Failed to delete fleet ${name}\\. Fleet is in use\\.`));
      assert.match(
        await fails(["fleet", "delete", name, "-i", "0", "-y"]),
        /instances \[0\]\. Fleet instances are in use\./,
      );
      await ok(["stop", name, "-x", "-y"]);
      await waitForStatus("terminated");
      const asked = await stock(["fleet", "delete", name, "-i", "0"], { input: "n\n" });
      assert.match(asked.stdout, /Delete the fleet .* instances \[0\]\?/);
      const ended = await ok(["fleet", "delete", name, "-i", "0", "-y"]);
      assert.match(ended, new RegExp(`Fleet ${name} instances deleted`));
      const { instances } = (await json(["fleet", "get", name, "--json"])) as {
        instances: { instance_num: number; status: string }[];
      };
      assert.ok(
        instances.every(
          ({ instance_num: at, status }) => at !== 0 || ["terminating", "terminated"].includes(status),
        ),
      );
      assert.match(await ok(["fleet", "delete", name, "-y"]), new RegExp(`Fleet ${name} deleted`));
      assert.match(await fails(["fleet", "delete", "absent", "-y"]), /Fleet absent does not exist/);
    },
  },
  {
    name: "fleet-of-cloud",
    expect: "of a backend that is not there: a plan without offers; the fleet is made, and waits for nothing",
    covers: { "apply fleet": ["--name"] },
    later: "cloud backends",
    run: async ({ name, ok, stock, write }) => {
      const file = await write("f.dstack.yml", { type: "fleet", name, nodes: "0..2", backends: ["aws"] });
      const { stdout, code } = await stock(["apply", "-f", file], { input: "n\n" });
      assert.equal(code, 0);
      assert.match(stdout, /No matching instance offers available\./);
      await ok(["apply", "-f", file, "-y"]);
      await ok(["fleet", "delete", name, "-y"]);
    },
  },
  {
    name: "fleet-of-ssh",
    expect:
      "sudo, a jump host, a cluster's network, blocks of one host: planned, made, waited for, listed; hosts added and taken out in place, divided anew only as another fleet; a task of two nodes; -i and delete",
    covers: {
      "apply fleet": ["--env"],
      "fleet list": ["--verbose"],
      "fleet get": ["NAME"],
      "fleet delete": ["--instance"],
    },
    run: async ({ name, stage, ok, stock, fails, write, json, makeKey, waitForStatus }) => {
      const key = await makeKey();
      const line = await Bun.file(`${key}.pub`).text();
      await using undo = new AsyncDisposableStack();
      const start = async (of: string, more: Partial<MachineOptions> = {}) => {
        const options = { dir: join(stage.dir, name), key: line, ...more };
        const machine = await startMachine(requireNetwork(stage), `${name}${of}`, options);
        return undo.use(machine).host.ip;
      };
      const first = await start("a", { users: [{ name: "ann", sudo: "free" }] });
      const bastion = await start("b");
      const behind = await start("c", { sshd: [`AllowUsers root@${bastion}`] });
      const proxy_jump = { hostname: bastion, user: "root", identity_file: key };
      const hosts = [
        { hostname: first, user: "ann" },
        { hostname: behind, proxy_jump, blocks: 2 },
      ];
      const network = `${first.split(".").slice(0, 3).join(".")}.0/24`;
      const fileOf = (some: readonly unknown[]) =>
        write("f.dstack.yml", {
          type: "fleet",
          name,
          placement: "cluster",
          ssh_config: { user: "root", identity_file: key, network, hosts: some },
        });
      const args = ["apply", "-f", await fileOf(hosts), "-e", "TEAM=rack"];
      const asked = await stock(args, { input: "n\n" });
      assert.match(asked.stdout, /^ Fleet type +ssh *$/m);
      assert.match(asked.stdout, /^ Nodes +2 *$/m);
      const made = readTable(await ok([...args, "-y"]), FLEETS);
      assertHas(made[0], { NAME: name, NODES: "2", BACKEND: "ssh", STATUS: "active" });
      assertHas(made[1], { NAME: "instance=0", BACKEND: "ssh (remote)", STATUS: "idle" });
      assertHas(made[2], { NAME: "instance=1", STATUS: "0/2 busy" });
      const listed = readTable(await ok(["fleet", "list", "-v"]), VERBOSE);
      const at = listed.findIndex(({ NAME }) => NAME === name);
      assertHas(listed[at], { NODES: "2 (cluster)", BACKEND: "ssh", STATUS: "active" });
      assertHas(listed[at + 1], { NAME: "instance=0", SPOT: "", PRICE: "", STATUS: "idle", ERROR: "" });
      assertHas(listed[at + 2], { NAME: "instance=1", STATUS: "0/2 busy" });
      assert.match(await ok([...args, "-y"]), /No configuration changes detected/);
      assertHas(await json(["fleet", "get", name, "--json"]), {
        spec: { configuration: { ssh_config: { ssh_key: null, network } } },
        instances: [{ hostname: first, backend: "remote", price: 0 }, { hostname: behind }],
      });
      const job = ['echo "$TEAM $DSTACK_NODE_RANK $DSTACK_NODES_IPS"'];
      const resources = { ...SMALL };
      const task = { type: "task", name: `${name}-pair`, nodes: 2, fleets: [name], commands: job, resources };
      await ok(["apply", "-f", await write("t.dstack.yml", task), "-y", "-d"]);
      await waitForStatus("done", task.name);
      assert.match(await ok(["logs", task.name]), /rack 0/);
      await fileOf(hosts.slice(0, 1));
      const changed = await stock(args, { input: "y\n" });
      assert.match(changed.stdout, /Detected changes that can be updated in-place:/);
      assert.match(changed.stdout, /Update the fleet in-place\?/);
      assertHas(await json(["fleet", "get", name, "--json"]), { instances: [{ hostname: first }] });
      await fileOf(hosts);
      await ok([...args, "-y"]);
      const { instances } = (await json(["fleet", "get", name, "--json"])) as {
        instances: { hostname: string; status: string }[];
      };
      assert.deepEqual(
        instances.map(({ hostname, status }) => [hostname, status]),
        [
          [first, "idle"],
          [behind, "idle"],
        ],
      );
      await fileOf([hosts[0], { hostname: behind, proxy_jump }]);
      const divided = await stock(args, { input: "n\n" });
      assert.match(divided.stdout, /Detected changes that cannot be updated in-place:/);
      assert.match(divided.stdout, /Re-create the fleet\?/);
      const twice = await write("g.dstack.yml", {
        type: "fleet",
        name: `${name}-two`,
        ssh_config: { user: "root", identity_file: key, hosts: [first] },
      });
      assert.match(await fails(["apply", "-f", twice, "-y"]), /A host can be in one fleet only/);
      await ok(["fleet", "delete", name, "-i", "0", "-y"]);
      assertHas(await json(["fleet", "get", name, "--json"]), { instances: [{ hostname: behind }] });
      await ok(["fleet", "delete", name, "-y"]);
      const cloud = await write("h.dstack.yml", empty(name));
      assert.match(
        await fails(["apply", "-f", cloud, "-y", "-e", "A=1"]),
        /`env` is currently supported for SSH fleets only/,
      );
    },
  },
];

const requireNetwork = ({ network }: Stage): Network => {
  if (!network) throw new Error("Hosts that can be logged in to take root");
  return network;
};
