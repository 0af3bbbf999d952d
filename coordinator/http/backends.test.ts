import { afterAll, beforeAll, expect, test } from "bun:test";
import { startTestCoordinator, type TestCoordinator } from "../testing/startTestCoordinator.ts";

const P = "/api/project/main/backends";

let coordinator: TestCoordinator;
beforeAll(async () => {
  coordinator = await startTestCoordinator();
});
afterAll(() => coordinator[Symbol.asyncDispose]());

const unavailable = (type: string) => ({
  status: 400,
  body: {
    detail: [
      { code: "backend_not_available", msg: expect.stringContaining(`Backend ${type} not available`) },
    ],
  },
});

test("there are no types of backends, and none is configured", async () => {
  expect((await coordinator.post("/api/backends/list_types", undefined, { token: null })).body).toEqual([]);
  const missing = { status: 400, body: { detail: [{ code: "resource_not_exists" }] } };
  expect(await coordinator.post(`${P}/aws/config_info`)).toMatchObject(missing);
  expect(await coordinator.post(`${P}/aws/get_yaml`)).toMatchObject(missing);
  expect(await coordinator.post(`${P}/delete`, { backends_names: ["aws"] })).toMatchObject({
    status: 200,
    body: null,
  });
});

test.each(["create", "update"])(
  "%s checks a configuration, then says that it cannot be had",
  async (verb) => {
    const creds = { type: "access_key", access_key: "a", secret_key: "s" };
    expect(await coordinator.post(`${P}/${verb}`, { type: "aws", creds })).toMatchObject(unavailable("aws"));
    const bare = { type: "lium", creds: { type: "api_key", api_key: "k" } };
    expect(await coordinator.post(`${P}/${verb}`, bare)).toMatchObject(unavailable("lium"));
    for (const wrong of [{ type: "aws" }, { type: "nowhere", creds }, { type: "gcp", creds }, {}])
      expect((await coordinator.post(`${P}/${verb}`, wrong)).status).toBe(422);
  },
);

test.each(["create_yaml", "update_yaml"])("%s reads YAML, then says that it cannot be had", async (verb) => {
  const config_yaml = "type: runpod\ncreds:\n  type: api_key\n  api_key: k\n";
  expect(await coordinator.post(`${P}/${verb}`, { config_yaml })).toMatchObject(unavailable("runpod"));
  for (const [wrong, place] of [
    ["type: runpod\n", "creds"],
    ["type: [\n", "config_yaml:"],
  ])
    expect(await coordinator.post(`${P}/${verb}`, { config_yaml: wrong })).toMatchObject({
      status: 400,
      body: { detail: [{ code: "error", msg: expect.stringContaining(place ?? "") }] },
    });
});
