/** The reference's own command line, unchanged, against our coordinator. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { type Finished, run } from "./harness/program.ts";
import { describeWith, hasProgram } from "./harness/requirements.ts";
import { installStockClient } from "./harness/stockClient.ts";
import { NEEDS, openSystem, type System } from "./harness/system.ts";

const client = hasProgram("python3") ? await installStockClient() : { reason: "needs python3" };

const stockTests = (path: string) => () => {
  let system: System;
  let home: string;
  beforeAll(async () => {
    system = await openSystem({ runtime: "process" });
    home = join(system.dir, "stock");
    mkdirSync(home);
  }, 30_000);
  afterAll(() => system[Symbol.asyncDispose]());

  const stock = (...args: string[]): Promise<Finished> =>
    run([path, ...args], {
      cwd: home,
      env: { HOME: home, PATH: process.env["PATH"] ?? "", COLUMNS: "200", DSTACK_CLI_LOG_LEVEL: "ERROR" },
    });
  const stockOk = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await stock(...args);
    if (code !== 0) throw new Error(`dstack ${args.join(" ")} ended with ${code}:\n${stdout}${stderr}`);
    return stdout;
  };
  const submit = async (name: string, commands: string[]) => {
    await Bun.write(join(home, `${name}.dstack.yml`), system.task(name, commands));
    return stockOk("apply", "-y", "-d", "-f", `${name}.dstack.yml`);
  };

  test("project add", async () => {
    const { url, token } = system.coordinator;
    await stockOk("project", "add", "--name", "main", "--url", url, "--token", token, "-y");
    expect(await stockOk("project", "list")).toMatch(/main\s+http/);
  }, 30_000);

  test("apply -y -d, ps --json, logs, run get --json", async () => {
    expect(await submit("stock", ["echo from the stock client", "sleep 1"])).toContain(
      "stock submitted, detaching",
    );
    const { runs } = JSON.parse(await stockOk("ps", "-a", "--json"));
    expect(runs).toContainEqual(
      expect.objectContaining({ status: expect.any(String), id: expect.any(String) }),
    );
    await system.coordinator.client.waitForEnd("stock");
    expect(await stockOk("logs", "stock")).toMatch(/^from the stock client\r?$/m);
    const got = JSON.parse(await stockOk("run", "get", "stock", "--json"));
    expect(got).toMatchObject({ status: "done", run_spec: { run_name: "stock" } });
  }, 60_000);

  test("event", async () => {
    const lines = (await stockOk("event", "--within-run", "stock")).trimEnd().split("\n");
    expect(lines[0]).toMatch(
      /^\[[-0-9]+ [0-9:]+\] \[👤admin\] \[run stock\] Run submitted\. Status: SUBMITTED$/,
    );
    expect(lines.at(-1)).toEndWith("[run stock] Run status changed TERMINATING -> DONE");
    expect(await stockOk("event", "--target-run", "stock", "--since", "1h")).toContain("ALL_JOBS_DONE");
  }, 30_000);

  test("stop -y", async () => {
    await submit("stock-endless", ["sleep 600"]);
    await system.coordinator.client.waitForRun("stock-endless", ({ status }) => status === "running");
    await stockOk("stop", "-y", "stock-endless");
    expect(await system.coordinator.client.waitForEnd("stock-endless")).toMatchObject({
      status: "terminated",
    });
  }, 60_000);

  test("metrics", async () => {
    await submit("stock-burner", ["while :; do :; done"]);
    const shown = await waitFor(
      "two samples",
      async () => {
        const out = await stockOk("metrics", "stock-burner");
        return !out.includes("no data") && out;
      },
      50_000,
    );
    expect(shown).toMatch(/^ job=0 +cpu +[▁-▇]+ \d+% +[▁-▇]+ \d+MB\/\d+GB *$/m);
    expect(shown).toMatch(/┄ now/);
    await stockOk("stop", "-y", "-x", "stock-burner");
    await system.coordinator.client.waitForEnd("stock-burner");
  }, 90_000);

  test("fleet list", async () => {
    expect(await stockOk("fleet", "list")).toMatch(/e2e/);
    expect(await stockOk("fleet", "list")).toMatch(/idle/);
  }, 30_000);

  test("a fleet with a property of ours, and how its instances did", async () => {
    const { client } = system.coordinator;
    const configuration = { type: "fleet", name: "extended", nodes: "0..", default_image: "lab/base:1" };
    const spec = { configuration, profile: { name: "default" } };
    const applied = await client.post("fleets/apply", {
      plan: { spec, current_resource: null },
      force: false,
    });
    expect(applied.status).toBe(200);
    expect(await stockOk("fleet", "list")).toMatch(/extended/);
    const got = JSON.parse(await stockOk("fleet", "get", "extended", "--json"));
    expect(got).toMatchObject({ name: "extended", spec: { configuration: { name: "extended" } } });
    const checks = await client.post("instances/get_instance_health_checks", {
      fleet_name: "e2e",
      instance_num: 0,
    });
    expect(await checks.json()).toMatchObject({ health_checks: [{ status: "healthy", events: [] }] });
  }, 30_000);

  test("offer --json", async () => {
    const { offers, total_offers } = JSON.parse(await stockOk("offer", "--json"));
    expect(total_offers).toBe(1);
    expect(offers).toHaveLength(1);
    expect(offers[0]).toMatchObject({ availability: "idle" });
  }, 30_000);

  test("a command that is refused ends with 1 and our words", async () => {
    const { code, stdout } = await stock("run", "get", "absent", "--json");
    expect(stdout).toMatch(/not found/i);
    expect(code).toBe(1);
  }, 30_000);
};

if ("path" in client) describeWith(NEEDS.process, "the stock client", stockTests(client.path));
else describe.skip(`the stock client [${client.reason}]`, stockTests(""));
