import { describe, expect, test } from "bun:test";
import { readProjects } from "../../cli/settings/configFile.ts";
import { anInventory } from "../../coordinator/testing/anInstance.ts";
import { Run } from "../../shared/api/runs.ts";
import { type Clock, systemClock } from "../../shared/clock.ts";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { openLab } from "./lab.ts";

/** An age that takes more room moves what is behind it. */
const withoutAges = (text: string): string =>
  text
    .replaceAll(/\b(?:now|\d+ (?:sec|min)s? ago)$/gm, "<ago>")
    .replace(/SUBMITTED +ERROR/, "SUBMITTED  ERROR");

describe("ps", () => {
  test("shows what is not finished or, if there is nothing, the latest run", async () => {
    await using lab = await openLab();
    lab.autopilot(({ argv }) => (argv.join(" ").includes("sleep") ? {} : { exitStatus: 0 }));
    expect((await lab.person.run(["ps"])).out).toBe(" NAME  BACKEND  GPU  PRICE  STATUS  SUBMITTED\n");
    await lab.task("ps-old");
    await lab.person.run(["apply", "-f", "ps-old.dstack.yml", "-y"]);
    expect(withoutAges((await lab.person.run(["ps"])).out)).toBe(
      [
        " NAME    BACKEND       GPU  PRICE  STATUS      SUBMITTED",
        " ps-old  ssh (remote)  -    $0     exited (0)  <ago>",
        "",
      ].join("\n"),
    );
    await lab.person.run(["apply", "-f", "-", "-yd", "-n", "ps-new"], {
      stdin: "type: task\ncommands: [sleep 100]\nresources: {cpu: 1.., memory: 1GB.., disk: 2GB..}\n",
    });
    await lab.waitForStatus("ps-new", "running");
    expect(withoutAges((await lab.person.run(["ps", "-n", "2", "-v"])).out)).toBe(
      [
        " NAME    BACKEND       RESOURCES                      INSTANCE TYPE  PRICE  STATUS      PROBES  SUBMITTED  ERROR",
        " ps-new  ssh (remote)  cpu=x86:8 mem=32GB disk=500GB  instance       $0     running             <ago>",
        " ps-old  ssh (remote)  cpu=x86:8 mem=32GB disk=500GB  instance       $0     exited (0)          <ago>",
        "",
      ].join("\n"),
    );
    const { out } = await lab.person.run(["ps", "--json"]);
    expect(out.split("\n")).toHaveLength(2);
    const { project, runs } = JSON.parse(out);
    expect(project).toBe("main");
    expect(runs.map((each: unknown) => Run.parse(each).run_spec.run_name)).toEqual(["ps-new"]);
  });

  test("-w in a pipe prints the last table once, at Ctrl-C", async () => {
    await using lab = await openLab();
    let pauses = 0;
    const clock: Clock = {
      ...systemClock,
      after: (ms, fire) => {
        pauses++;
        return systemClock.after(ms, fire);
      },
    };
    const started = lab.person.start(["ps", "-w"], { clock });
    await waitFor("the pause after the first table", () => pauses > 0);
    started.interrupt();
    expect(await started.finished).toEqual({
      code: 0,
      out: " NAME  BACKEND  GPU  PRICE  STATUS  SUBMITTED\n",
      err: "",
    });
  });
});

describe("stop, run get and delete", () => {
  test("end a run and forget it", async () => {
    await using lab = await openLab();
    lab.autopilot(() => ({}));
    await lab.task("doomed");
    await lab.person.run(["apply", "-f", "doomed.dstack.yml", "-yd"]);
    await lab.waitForStatus("doomed", "running");
    expect(await lab.person.run(["delete", "-f", "doomed.dstack.yml", "-y"])).toEqual({
      code: 1,
      out: "Cannot delete active runs: ['doomed']\n",
      err: "",
    });
    expect(await lab.person.run(["stop", "doomed"], { stdin: "n\n" })).toMatchObject({
      code: 0,
      out: "Are you sure you want to stop the run? [y/n]: \n",
    });
    expect((await lab.getRun("doomed")).status).toBe("running");
    expect(await lab.person.run(["stop", "doomed", "-y"])).toMatchObject({ code: 0, out: "Stopped\n" });
    await lab.waitForStatus("doomed", "terminated");
    expect(await lab.person.run(["stop", "doomed", "-xy"])).toMatchObject({ code: 0, out: "Aborted\n" });
    const got = await lab.person.run(["run", "get", "doomed", "--json"]);
    expect(got.out).toStartWith('{\n  "id": "');
    const run = Run.parse(JSON.parse(got.out));
    expect(run).toMatchObject({ status: "terminated", termination_reason: "stopped_by_user" });
    expect(JSON.parse((await lab.person.run(["run", "get", "--id", run.id, "--json"])).out).id).toBe(run.id);
    expect(await lab.person.run(["delete", "-f", "doomed.dstack.yml"], { stdin: "y\n" })).toMatchObject({
      code: 0,
      out: "Delete the run doomed? [y/n]: \nRun doomed deleted\n",
    });
    expect(await lab.person.run(["delete", "-f", "doomed.dstack.yml", "-y"])).toMatchObject({
      code: 1,
      out: "Run doomed does not exist\n",
    });
    expect(await lab.person.run(["stop", "doomed", "-y"])).toMatchObject({
      code: 1,
      out: "Run doomed not found\n",
    });
  });
});

describe("fleet", () => {
  test("lists fleets with their instances, shows one, and deletes", async () => {
    await using lab = await openLab();
    const table = (...rows: string[]) =>
      [" NAME           NODES  GPU  SPOT  BACKEND       PRICE  STATUS  CREATED", ...rows, "", ""].join("\n");
    const { out } = await lab.person.run(["fleet"]);
    expect(withoutAges(out)).toBe(
      table(
        " lab            1                 ssh                  active  <ago>",
        "    instance=0         -          ssh (remote)         idle    <ago>",
        " default        0                 ssh                  active  <ago>",
      ),
    );
    const got = JSON.parse((await lab.person.run(["fleet", "get", "lab", "--json"])).out);
    expect(got).toMatchObject({
      name: "lab",
      project_name: "main",
      instances: [{ instance_num: 0, status: "idle" }],
    });
    expect(await lab.person.run(["fleet", "get", "ghost", "--json"])).toMatchObject({
      code: 1,
      out: "Fleet ghost not found\n",
    });
    expect(await lab.person.run(["fleet", "delete", "ghost", "-y"])).toMatchObject({
      code: 1,
      out: "Fleet ghost does not exist\n",
    });
    expect(await lab.person.run(["fleet", "delete", "default"], { stdin: "n\n" })).toMatchObject({
      code: 0,
      out: "Delete the fleet default? [y/n]: \nExiting...\n",
    });
    expect(await lab.person.run(["fleet", "delete", "default", "-y"])).toMatchObject({
      code: 0,
      out: "Fleet default deleted\n",
    });
    expect((await lab.person.run(["fleet"])).out).not.toContain("default");
  });

  test("token makes tokens for hosts, lists and revokes them", async () => {
    await using lab = await openLab();
    const made = JSON.parse(
      (await lab.person.run(["fleet", "token", "create", "rack", "--uses", "3", "--json"])).out,
    );
    expect(made).toMatchObject({ fleet: "rack", uses_left: 3 });
    const list = (await lab.person.run(["fleet", "token", "list", "--fleet", "rack"])).out;
    expect(list).toContain(made.id);
    expect(list).not.toContain(made.token);
    const text = (await lab.person.run(["fleet", "token", "create", "rack", "--ttl", "2h"])).out;
    expect(text).toMatch(
      /^Run this on each host .* fleet rack \(valid for (2h|1h 59m)\):\n\n {2}curl .*--token /,
    );
    expect(await lab.person.run(["fleet", "token", "revoke", made.id])).toMatchObject({
      code: 0,
      out: "Token revoked\n",
    });
    expect((await lab.person.run(["fleet", "token", "list"])).out).not.toContain(made.id);
    expect(await lab.person.run(["fleet", "token", "create", "rack", "--ttl", "1s"])).toMatchObject({
      code: 2,
      out: "",
    });
  });
});

describe("instance", () => {
  test("lists instances, keeps jobs away from one, and waits for those that it has", async () => {
    await using lab = await openLab();
    await lab.task("long");
    await lab.person.run(["apply", "-f", "long.dstack.yml", "-yd"]);
    const id = await lab.agent.take();
    await lab.agent.running(id);
    const draining = lab.person.start(["instance", "drain", "lab-0", "--reason", "new fans"]);
    await waitFor("the cordon", async () => {
      const { out } = await lab.person.run(["instance", "list", "--json"]);
      return out.includes('"is cordoned by admin: new fans"');
    });
    const table = (await lab.person.run(["instance"])).out.replaceAll(/ +(\d+ sec ago|now) +/g, " <ago> ");
    expect(table.trimEnd().split("\n")).toEqual([
      expect.stringMatching(/^ NAME {3}FLEET {2}HOST {4}GPU {2}STATUS {9}AGENT {2}CREATED +NOTE$/),
      " lab-0  lab    host-0  -    busy (closed)  0.1.0 <ago> is cordoned by admin: new fans",
    ]);
    await lab.agent.finished(id, 0);
    expect(await draining.finished).toEqual({
      code: 0,
      out: "Instance lab-0 gets no new jobs\nInstance lab-0 has no jobs\n",
      err: "",
    });
    const { out } = await lab.person.run(["offer"]);
    expect(out).toContain("- lab-0: is cordoned by admin: new fans");
    expect((await lab.person.run(["instance", "uncordon", "lab-0"])).out).toBe(
      "Instance lab-0 gets jobs again\n",
    );
    expect(await lab.person.run(["instance", "cordon", "lab-0"])).toMatchObject({
      out: "Instance lab-0 gets no new jobs\n",
    });
    expect(await lab.person.run(["instance", "cordon", "lab-9"])).toMatchObject({
      code: 1,
      out: "Instance lab-9 does not exist\n",
    });
  });
});

test("instance label changes what is there, and shows what it has then", async () => {
  await using lab = await openLab();
  const label = (...args: string[]) => lab.person.run(["instance", "label", "lab-0", ...args]);
  expect(await label("rack=a1", "row=3")).toEqual({
    code: 0,
    out: "Instance lab-0 has the labels rack=a1,row=3\n",
    err: "",
  });
  const { out } = await label("row-", "--json");
  expect(JSON.parse(out)).toMatchObject({ name: "lab-0", labels: { rack: "a1" } });
  expect((await label("rack-")).out).toBe("Instance lab-0 has no labels\n");
  for (const wrong of [[], ["rack"], ["rack=a b"]]) expect((await label(...wrong)).code).toBe(2);
  expect((await lab.person.run(["instance", "label", "lab-9", "a=b"])).code).toBe(1);
});

describe("instance get", () => {
  test("tells of one instance how its devices do and did; of the fleet's what they do", async () => {
    await using lab = await openLab();
    const health = { status: "failure", reason: "GPU is lost" } as const;
    const gpu = {
      vendor: "nvidia",
      raw_name: "NVIDIA L4",
      id: "GPU-0",
      index: 0,
      memory_mib: 23_034,
    } as const;
    lab.agent.says = { inventory: anInventory({ held_out_gpus: [{ ...gpu, health }] }) };
    await lab.agent.sync();
    const said = "NVIDIA L4 at GPU-0 is held out: GPU is lost";
    const { out } = await lab.person.run(["instance", "get", "lab-0", "--json"]);
    const instance = JSON.parse(out);
    expect(instance).toMatchObject({
      name: "lab-0",
      health_status: "failure",
      health_message: said,
      health_checks: [
        { status: "failure", events: [{ status: "failure", message: said }] },
        { status: "healthy", events: [] },
      ],
    });
    const byId = await lab.person.run(["instance", "get", "--id", instance.id, "--json"]);
    expect(JSON.parse(byId.out)).toEqual(instance);
    expect(await lab.person.run(["instance", "get", "lab-9", "--json"])).toMatchObject({
      code: 1,
      out: "Instance lab-9 not found\n",
    });
    expect((await lab.person.run(["instance", "get", "lab-0"])).code).toBe(2);
    const fleet = JSON.parse((await lab.person.run(["fleet", "get", "lab", "--json"])).out);
    expect(fleet.instances).toMatchObject([{ health_status: "failure", health_message: said }]);
  });
});

describe("offer", () => {
  test("lists hosts for what is asked, as a table and as JSON", async () => {
    await using lab = await openLab();
    expect((await lab.person.run(["offer", "--cpu", "2..", "--fleet", "lab"])).out).toBe(
      [
        " Project      main",
        " Resources    cpu=2.. mem=0GB.. gpu=0..",
        " Spot policy  on-demand",
        " Max price    off",
        "",
        " #  BACKEND       RESOURCES                      INSTANCE TYPE  PRICE",
        " 1  ssh (remote)  cpu=x86:8 mem=32GB disk=500GB  instance       $0     idle",
        "",
        "",
      ].join("\n"),
    );
    const json = JSON.parse((await lab.person.run(["offer", "--memory", "2GB..", "--json"])).out);
    expect(json).toMatchObject({
      project: "main",
      user: "admin",
      requirements: { resources: { memory: { min: 2, max: null }, disk: null }, spot: null, max_price: null },
      offers: [{ backend: "remote", availability: "idle", blocks: 1 }],
      total_offers: 1,
    });
    const none = await lab.person.run(["offer", "--gpu", "A100:80GB:8"]);
    expect(none.out).toContain(
      "\nNo matching instance offers available. Possible reasons:\n- lab-0: needs 8 A100 GPUs of 80GB each, the host has none\n",
    );
    expect(none.code).toBe(0);
    const grouped = JSON.parse((await lab.person.run(["offer", "--group-by", "gpu,backend", "--json"])).out);
    expect(grouped).toMatchObject({ project: "main", group_by: ["gpu", "backend"] });
  });
});

describe("project", () => {
  test("add asks the server first, and the first project is the default", async () => {
    await using lab = await openLab({ env: { DSTACK_SERVER_URL: "", DSTACK_TOKEN: "", DSTACK_PROJECT: "" } });
    const { url, adminToken } = lab.coordinator;
    const add = (name: string, token: string, ...more: string[]) =>
      lab.person.run(["project", "add", "--name", name, "--url", `${url}/`, "--token", token, ...more]);
    expect(await add("main", "wrong")).toMatchObject({
      code: 1,
      out: `Access to ${url}/api/projects/main/get is denied. Please check your access token\n`,
    });
    expect(await add("atlantis", adminToken)).toMatchObject({
      code: 1,
      out: `Status code 404 when requesting ${url}/api/projects/atlantis/get\nProject atlantis not found on the server\n`,
    });
    expect(await readProjects(lab.person.home)).toEqual([]);
    const added = await add("main", adminToken);
    expect(added.out).toMatch(
      /^\[\d\d:\d\d:\d\d\] INFO {5}Configuration updated at .*\/home\/\.dstack\/config\.yml\n$/,
    );
    expect((await lab.person.run(["project", "list", "-v"])).out).toBe(
      ` PROJECT  URL${" ".repeat(url.length - 1)}USER   DEFAULT\n main     ${url}  admin     ✓\n`,
    );
    expect((await lab.person.run(["fleet"])).code).toBe(0);
    expect(await lab.person.run(["project", "delete", "--name", "main"], { stdin: "n\n" })).toMatchObject({
      code: 0,
    });
    expect(await lab.person.run(["project", "delete", "--name", "main", "-y"])).toMatchObject({
      code: 0,
      out: "OK\n",
    });
    expect(await readProjects(lab.person.home)).toEqual([]);
  });
});

describe("what the server refuses", () => {
  test("a wrong token, an unknown project and a client that is too new are named", async () => {
    await using lab = await openLab();
    const { url } = lab.coordinator;
    expect(await lab.person.run(["ps"], { env: { DSTACK_TOKEN: "wrong" } })).toEqual({
      code: 1,
      out: `Access to ${url}/api/runs/list is denied. Please check your access token\n`,
      err: "",
    });
    for (const command of [["ps"], ["fleet"], ["logs", "x"], ["stop", "x", "-y"]]) {
      const { code, out } = await lab.person.run(command, { env: { DSTACK_PROJECT: "atlantis" } });
      expect(out).toEndWith("\nProject atlantis not found on the server\n");
      expect(code).toBe(1);
    }
    expect((await lab.person.run(["ps"], { env: { DSTACK_CLIENT_API_VERSION: "99.0.0" } })).out).toMatch(
      /^The client\/CLI version \(99\.0\.0\) is incompatible with the server version \(/,
    );
    const strange = await lab.person.run(["ps"], { env: { DSTACK_CLIENT_API_VERSION: "strange" } });
    expect(strange.out).toContain("The server says: Invalid version: strange\n");
    expect(strange.code).toBe(1);
  });

  test("a name that is not allowed", async () => {
    await using lab = await openLab();
    await lab.task("fine");
    expect(await lab.person.run(["apply", "-f", "fine.dstack.yml", "-y", "-n", "Wrong_Name"])).toMatchObject({
      code: 1,
      out: "Resource name should match regex '^[a-z][a-z0-9-]{1,40}$'\n",
    });
  });
});

describe("completion", () => {
  test.each([
    [["fl"], ["apply", "completion", "delete", "destroy", "fleet"]],
    [
      ["fleet", "get", ""],
      ["lab", "default"],
    ],
    [["logs", ""], ["talker"]],
    [["stop", "--abort", ""], []],
    [["--project", ""], []],
    [
      ["ps", "--format", ""],
      ["plain", "json"],
    ],
    [["apply", "-f", ""], [":files"]],
    [["apply", "--prof"], ["--profile"]],
    [["nope", ""], []],
  ])("of %j knows %j", async (words, some) => {
    await using lab = await openLab();
    lab.autopilot(() => ({ exitStatus: 0 }));
    await lab.task("talker");
    await lab.person.run(["apply", "-f", "talker.dstack.yml", "-y"]);
    const { out, code } = await lab.person.run(["completion", "query", "--", ...words]);
    expect(code).toBe(0);
    const lines = out.split("\n").filter(Boolean);
    if (some.length === 0) expect(lines).toEqual([]);
    else expect(lines).toEqual(expect.arrayContaining(some));
  });
});
