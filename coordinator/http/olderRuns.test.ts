import { expect, test } from "bun:test";
import { RunSpec } from "../../shared/api/runs.ts";
import { startTestCoordinator } from "../testing/startTestCoordinator.ts";
import { parseClientVersion } from "./clientVersion.ts";
import { asksForOffers, planFor } from "./olderRuns.ts";

const spec = (configuration: Record<string, unknown>, profile: Record<string, unknown> | null = null) =>
  RunSpec.parse({ run_name: "job", configuration, profile, ssh_key_pub: "" });

const SERVICE = {
  type: "service",
  commands: ["serve"],
  port: 80,
  python: "3.15",
  fleets: ["lab", "team/rack"],
  gateway: { project: "team", name: "edge" },
};
const AS_IT_IS = {
  probes: null,
  https: null,
  python: "3.15",
  fleets: [
    { project: null, name: "lab" },
    { project: "team", name: "rack" },
  ],
  gateway: { project: "team", name: "edge" },
};

const asSeenBy = (version: string) => {
  const client = parseClientVersion(version);
  if (!client) throw new Error(`${version} is no version`);
  const run_spec = spec(SERVICE, { name: "p", fleets: ["team/rack"] });
  const plan = {
    project_name: "main",
    user: "admin",
    run_spec,
    effective_run_spec: run_spec,
    job_plans: [],
    current_resource: null,
    action: "create" as const,
  };
  return planFor(client, plan);
};

// docs/spec/http-api.md §1.3, docs/spec/changes-0.22.md §1.2
test.each([
  ["latest", {}],
  ["0.22.5", {}],
  ["0.22.4", { python: null }],
  ["0.21.2", { python: null }],
  ["0.20.20", { python: null }],
  ["0.20.19", { python: null, gateway: "team/edge" }],
  ["0.20.14", { python: null, gateway: "team/edge" }],
  ["0.20.13", { python: null, gateway: "team/edge", fleets: ["lab", "team/rack"] }],
  ["0.20.11", { python: null, gateway: "team/edge", fleets: ["lab", "team/rack"], https: true }],
  ["0.20.7", { python: null, gateway: "team/edge", fleets: ["lab", "team/rack"], https: true, probes: [] }],
])("a client of %s reads a service in its own form", (version, change) => {
  const seen = asSeenBy(version);
  const configuration = { ...AS_IT_IS, ...change };
  expect(seen).toMatchObject({
    run_spec: { configuration },
    effective_run_spec: { configuration },
  });
});

test("fleets of a profile are texts for old clients, too", () => {
  expect(asSeenBy("0.20.10")).toMatchObject({ run_spec: { profile: { fleets: ["team/rack"] } } });
  expect(asSeenBy("0.20.14")).toMatchObject({
    run_spec: { profile: { fleets: [{ project: "team", name: "rack" }] } },
  });
});

test("only clients before 0.21.0 ask for offers with a task that does nothing", () => {
  const nothing = spec({ type: "task", commands: [":"] });
  expect(asksForOffers([0, 20, 25], nothing)).toBe(true);
  expect(asksForOffers([0, 21, 0], nothing)).toBe(false);
  expect(asksForOffers("latest", nothing)).toBe(false);
  expect(asksForOffers([0, 20, 25], spec({ type: "task", commands: [": x"] }))).toBe(false);
});

const P = "/api/project/main";
const request = (configuration: Record<string, unknown>) => ({
  plan: { run_spec: { run_name: "old", configuration, ssh_key_pub: "" }, current_resource: null },
  force: false,
});
const TASK = { type: "task", commands: ["true"], python: "3.15", fleets: [{ name: "lab" }] };

// header × route → what becomes of `fleets` and `python`
test.each([
  ["0.20.10", ["lab"], null],
  ["0.21.2", [{ project: null, name: "lab" }], null],
  ["0.22.5", [{ project: null, name: "lab" }], "3.15"],
  ["latest", [{ project: null, name: "lab" }], "3.15"],
])("every route that tells of runs tells a client of %s in its form", async (version, fleets, python) => {
  await using coordinator = await startTestCoordinator();
  const options = { headers: { "x-api-version": version } };
  const configuration = { fleets, python, nodes: 1 };
  const post = (path: string, body: unknown) => coordinator.post(path, body, options);
  const applied = await post(`${P}/runs/apply`, request(TASK));
  const asked = { run_spec: request(TASK).plan.run_spec };
  expect(applied).toMatchObject({ status: 200, body: { run_spec: { configuration } } });
  for (const [path, body] of [
    [`${P}/runs/get`, { run_name: "old" }],
    [`${P}/runs/get_plan`, asked],
  ] as const)
    expect((await post(path, body)).body).toMatchObject({ run_spec: { configuration } });
  expect((await post(`${P}/runs/get_plan`, asked)).body).toMatchObject({
    effective_run_spec: { configuration },
    current_resource: { run_spec: { configuration } },
  });
  expect((await post("/api/runs/list", {})).body).toMatchObject([{ run_spec: { configuration } }]);
});
