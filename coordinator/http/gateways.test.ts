import { expect, test } from "bun:test";
import { z } from "zod";
import { Gateway, GatewayPlan } from "../../shared/api/gateways.ts";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { startTestCoordinator, type TestCoordinator } from "../testing/startTestCoordinator.ts";

const P = "/api/project/main";
/** As if projects could have one of these. */
const GCP = { types: ["gcp"], isConfigured: () => true };

const aSpec = (rest: Record<string, unknown> = {}) => ({
  configuration: {
    type: "gateway",
    name: "front",
    backend: "gcp",
    region: "europe-west4",
    domain: "apps.example.com",
    ...rest,
  },
  configuration_path: "front.dstack.yml",
});
const anApply = (spec: ReturnType<typeof aSpec>, current_resource: unknown = null, force = false) => ({
  plan: { spec, current_resource },
  force,
});

const made = async (coordinator: TestCoordinator, rest: Record<string, unknown> = {}): Promise<Gateway> =>
  Gateway.parse((await coordinator.post(`${P}/gateways/apply`, anApply(aSpec(rest)))).body);

test("without clouds a gateway is refused, whichever way it is asked for", async () => {
  await using coordinator = await startTestCoordinator();
  const refusal = {
    status: 400,
    body: {
      detail: [{ code: "backend_not_available", msg: expect.stringContaining("Backend gcp not available") }],
    },
  };
  const spec = aSpec();
  expect(await coordinator.post(`${P}/gateways/get_plan`, { spec })).toMatchObject(refusal);
  expect(await coordinator.post(`${P}/gateways/apply`, anApply(spec))).toMatchObject(refusal);
  const { configuration } = spec;
  expect(await coordinator.post(`${P}/gateways/create`, { configuration })).toMatchObject(refusal);
  expect((await coordinator.post(`${P}/gateways/list`)).body).toEqual([]);
  const unknown = { status: 400, body: { detail: [{ code: "resource_not_exists" }] } };
  expect(await coordinator.post(`${P}/gateways/get`, { name: "front" })).toMatchObject(unknown);
  expect(await coordinator.post(`${P}/gateways/set_default`, { name: "front" })).toMatchObject(unknown);
  const domain = { name: "front", wildcard_domain: "x.example.com" };
  expect(await coordinator.post(`${P}/gateways/set_wildcard_domain`, domain)).toMatchObject(unknown);
  expect(await coordinator.post(`${P}/gateways/delete`, { names: ["front"] })).toMatchObject({ body: null });
});

test("a gateway is planned, made and becomes the default; nothing can run it yet, and it says so", async () => {
  await using coordinator = await startTestCoordinator({}, GCP);
  const spec = aSpec();
  const plan = GatewayPlan.parse((await coordinator.post(`${P}/gateways/get_plan`, { spec })).body);
  expect(plan).toMatchObject({
    project_name: "main",
    user: "admin",
    action: "create",
    current_resource: null,
  });
  const gateway = await made(coordinator);
  expect(gateway).toMatchObject({
    name: "front",
    default: true,
    configuration: { default: true, domain: "apps.example.com" },
    wildcard_domain: "apps.example.com",
    replicas: [],
  });
  const failed = await waitFor("the gateway to fail", async () => {
    const now = Gateway.parse((await coordinator.post(`${P}/gateways/get`, { name: "front" })).body);
    return now.status === "failed" && now;
  });
  expect(failed.status_message).toBe("This version cannot yet make it by the backend gcp");
  const { body: next } = await coordinator.post(`${P}/gateways/get_plan`, { spec });
  expect(next).toMatchObject({ action: "create", current_resource: { id: gateway.id } });
  expect(await coordinator.post(`${P}/gateways/apply`, anApply(spec, failed))).toMatchObject({
    status: 400,
    body: { detail: [{ msg: 'Gateway "front" cannot be changed so in place\nDelete it first' }] },
  });
  expect(await coordinator.post(`${P}/gateways/apply`, anApply(spec))).toMatchObject({
    status: 400,
    body: { detail: [{ msg: expect.stringContaining("is not the one that the plan was made for") }] },
  });
  await coordinator.post(`${P}/gateways/delete`, { names: ["front"] });
  expect((await coordinator.post(`${P}/gateways/list`)).body).toEqual([]);
});

test("one gateway is the default, and another domain is set by name", async () => {
  await using coordinator = await startTestCoordinator({}, GCP);
  await made(coordinator);
  expect(await made(coordinator, { name: "back" })).toMatchObject({ default: false });
  const defaults = async () =>
    Gateway.array()
      .parse((await coordinator.post(`${P}/gateways/list`)).body)
      .filter((gateway) => gateway.default)
      .map(({ name }) => name);
  expect(await defaults()).toEqual(["front"]);
  expect(await coordinator.post(`${P}/gateways/set_default`, { name: "back" })).toMatchObject({ body: null });
  expect(await defaults()).toEqual(["back"]);
  const domain = { name: "front", wildcard_domain: "other.example.com" };
  expect((await coordinator.post(`${P}/gateways/set_wildcard_domain`, domain)).body).toMatchObject({
    wildcard_domain: "other.example.com",
    configuration: { domain: "other.example.com", default: false },
  });
  const anon = await coordinator.post(`${P}/gateways/apply`, anApply(aSpec({ name: null })));
  expect(Gateway.parse(anon.body).name).toMatch(/^[a-z]+-[a-z]+$/);
});

test("what happened to a gateway is found by it, and within it", async () => {
  await using coordinator = await startTestCoordinator({}, GCP);
  const { id } = await made(coordinator);
  await coordinator.post(`${P}/gateways/delete`, { names: ["front"] });
  for (const filter of [{ target_gateways: [id] }, { within_gateways: [id] }]) {
    const { body } = await coordinator.post("/api/events/list", { ...filter, ascending: true });
    const messages = z
      .array(z.object({ message: z.string() }))
      .parse(body)
      .map(({ message }) => message);
    expect(messages).toContain("Gateway created. Status: SUBMITTED");
    expect(messages).toContain("Gateway set as default");
    expect(messages.at(-1)).toBe("Gateway deleted");
  }
  const { body } = await coordinator.post("/api/events/list", { within_gateways: [crypto.randomUUID()] });
  expect(body).toEqual([]);
});

test("rules of the language are kept", async () => {
  await using coordinator = await startTestCoordinator({}, GCP);
  const spec = aSpec({ public_ip: false });
  expect(await coordinator.post(`${P}/gateways/get_plan`, { spec })).toMatchObject({
    status: 400,
    body: { detail: [{ code: "error", msg: expect.stringContaining("Let's Encrypt needs a public IP") }] },
  });
});

test("old clients read gateways in their own form", async () => {
  await using coordinator = await startTestCoordinator({}, GCP);
  const headers = { "x-api-version": "0.20.10" };
  // What they say where nothing was said.
  const spec = aSpec({ default: false });
  const { body } = await coordinator.post(`${P}/gateways/apply`, anApply(spec), { headers });
  expect(body).toMatchObject({ default: true, instance_id: "", ip_address: "", hostname: "" });
  await coordinator.post(
    `${P}/gateways/apply`,
    anApply(
      aSpec({ name: "lb", certificate: { type: "gcp-cm", name: "c" }, load_balancer: { type: "alb" } }),
    ),
  );
  const certificateFor = async (version: string) => {
    const options = { headers: { "x-api-version": version } };
    const answer = await coordinator.post(`${P}/gateways/get`, { name: "lb" }, options);
    return Gateway.parse(answer.body).configuration.certificate;
  };
  expect(await certificateFor("0.21.2")).toBeNull();
  expect(await certificateFor("0.22.5")).toEqual({ type: "gcp-cm", name: "c" });
});
