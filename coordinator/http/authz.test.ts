import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { EnrollAnswer } from "../../shared/protocol/enroll.ts";
import { AGENT_BASE_PATH, AGENT_PROTOCOL, AGENT_PROTOCOL_HEADER } from "../../shared/protocol/version.ts";
import { anInventory } from "../testing/anInstance.ts";
import { callRoute, keyOf } from "../testing/callRoute.ts";
import { undocumented } from "../testing/documented.ts";
import { ROUTE_CASES } from "../testing/routeCases.ts";
import { CALLERS, type Caller, type Seeded, startSeeded } from "../testing/seeded.ts";
import { rolesOfSpec, withoutNames } from "../testing/specRoles.ts";
import type { Access } from "./access.ts";
import type { Route } from "./route.ts";
import { ROUTES } from "./routes.ts";

let seeded: Seeded;
beforeAll(async () => {
  seeded = await startSeeded();
});
afterAll(() => seeded[Symbol.asyncDispose]());

/** Where a route is for others than the specification says, and why. */
const DEVIATIONS: Readonly<Record<string, { access: Access; why: string }>> = {
  "/api/projects/:project/add_members": {
    access: "member+public",
    why: "whoever joins a public project; that managers add others is the domain's rule",
  },
  "/api/projects/:project/remove_members": {
    access: "member",
    why: "whoever leaves; that managers remove others is the domain's rule",
  },
  ...Object.fromEntries(
    ["list", "get", "create_or_update", "delete"].map((name) => [
      `/api/project/:project/secrets/${name}`,
      { access: "padmin" as const, why: "managers may with a permission that nobody has" },
    ]),
  ),
};

test("routes are for those for whom the specification has them", () => {
  const roles = rolesOfSpec();
  const isSpecified = ({ path, ours }: Route) => !ours && path.startsWith("/api/");
  const ours = ROUTES.filter(isSpecified).map(({ path, access }) => ({ path, access }));
  expect(ours).toEqual(
    ours.map(({ path }) => ({
      path,
      access: DEVIATIONS[path]?.access ?? roles.get(withoutNames(path)) ?? "none",
    })),
  );
});

test("the specification's routes are all there", () => {
  const there = new Set(ROUTES.map(({ path }) => withoutNames(path)));
  expect([...rolesOfSpec().keys()].filter((path) => !there.has(path))).toEqual([]);
});

const MEMBERS = ["member", "manager", "padmin"] as const;

/** Who passes, in a project of theirs and in one that is not (docs/spec/http-api.md §1.8). Neither is public. */
const PASSES: Readonly<Record<Access, { own: readonly Caller[]; foreign: readonly Caller[] }>> = {
  none: { own: CALLERS, foreign: CALLERS },
  service: { own: ["service"], foreign: ["service"] },
  auth: { own: ["outsider", ...MEMBERS, "gadmin"], foreign: ["outsider", ...MEMBERS, "gadmin"] },
  gadmin: { own: ["gadmin"], foreign: ["gadmin"] },
  member: { own: [...MEMBERS, "gadmin"], foreign: ["outsider", "gadmin"] },
  "member+public": { own: [...MEMBERS, "gadmin"], foreign: ["outsider", "gadmin"] },
  "member+importer": { own: [...MEMBERS, "gadmin"], foreign: ["outsider", "gadmin"] },
  "member+public+importer": { own: [...MEMBERS, "gadmin"], foreign: ["outsider", "gadmin"] },
  manager: { own: ["manager", "padmin", "gadmin"], foreign: ["outsider", "gadmin"] },
  padmin: { own: ["padmin", "gadmin"], foreign: ["outsider", "gadmin"] },
};

const UNKNOWN: readonly Caller[] = ["bad token", "inactive", "service"];

const refusalOf = (caller: Caller, access: Access) => {
  if (caller === "nobody") return { status: 401, body: { detail: "Not authenticated" } };
  const msg = UNKNOWN.includes(caller) && access !== "service" ? "Invalid token" : "Access denied";
  return { status: 403, body: { detail: { msg, code: null } } };
};

const PROJECTS = [
  ["own", "main"],
  ["foreign", "foreign"],
  ["missing", "atlantis"],
] as const;

/** With a body that fits no schema: whoever passes is told of the body, and nothing is changed. */
const knock = (route: Route, caller: Caller, project: string) =>
  callRoute(seeded, route, {
    token: seeded.tokens[caller],
    params: { project },
    ...(route.method === "GET" ? {} : { body: [] }),
  });

describe.each(ROUTES.map((route) => ({ key: keyOf(route), route })))("$key", ({ route }) => {
  const isOfProject = route.path.includes("/:project/");
  for (const [whose, project] of isOfProject ? PROJECTS : PROJECTS.slice(0, 1))
    test.each(CALLERS)(`in ${whose === "own" ? "their" : `a ${whose}`} project, %s`, async (caller) => {
      const answered = await knock(route, caller, project);
      const { status, body } = answered;
      expect(undocumented(route, answered)).toEqual([]);
      const passes = PASSES[route.access][whose === "missing" ? "own" : whose];
      if (whose === "missing" && caller !== "nobody" && !UNKNOWN.includes(caller))
        expect({ status, body }).toEqual({ status: 404, body: { detail: { msg: "Not found", code: null } } });
      else if (passes.includes(caller)) expect([401, 403]).not.toContain(status);
      else expect({ status, body }).toEqual(refusalOf(caller, route.access));
    });
});

test("what is known of one project leads nowhere in another, whose admin asks", async () => {
  const { known, tokens, coordinator } = seeded;
  const secrets = [
    known.lasting.id,
    known.lasting.latest_job_submission?.id ?? "",
    known.fleet.id,
    known.fleet.instances[0]?.id ?? "",
    known.joinToken,
    "hf_token",
  ];
  const before = (await coordinator.post("/api/project/main/fleets/get", { name: "lab" })).body;
  for (const route of ROUTES) {
    const make = ROUTE_CASES[keyOf(route)];
    if (!make || !route.path.includes("/:project/")) continue;
    const call = make(known);
    const answered = await callRoute(seeded, route, {
      ...call,
      params: { ...call.params, project: "foreign" },
      token: tokens.outsider,
    });
    const text = JSON.stringify(answered.body);
    // It may be told what it has said itself.
    const said = JSON.stringify(call.body ?? "");
    expect({
      key: keyOf(route),
      leaks: secrets.filter((id) => !said.includes(id) && text.includes(id)),
    }).toEqual({
      key: keyOf(route),
      leaks: [],
    });
  }
  expect((await coordinator.post("/api/project/main/fleets/get", { name: "lab" })).body).toEqual(before);
  expect((await coordinator.post("/api/project/main/runs/get", { run_name: "lasting" })).body).toMatchObject({
    status: "running",
  });
  const tokensLeft = (await coordinator.post("/api/project/main/fleets/tokens/list", {})).body;
  expect(tokensLeft).toMatchObject(
    expect.arrayContaining([expect.objectContaining({ id: known.joinToken })]),
  );
});

const AGENT_CALLS = [
  ["POST", "/sync"],
  ["POST", "/report"],
  ["POST", "/leave"],
  ["POST", "/metrics"],
  ["POST", `/logs/${crypto.randomUUID()}?offset=0&at=0`],
  ["POST", `/agent-logs/${crypto.randomUUID()}?offset=0`],
  ["GET", `/blobs/${"0".repeat(64)}`],
] as const;

const asAgent = (method: string, path: string, credential: string | null, body?: unknown) =>
  fetch(`${seeded.coordinator.url}${AGENT_BASE_PATH}${path}`, {
    method,
    headers: {
      [AGENT_PROTOCOL_HEADER]: String(AGENT_PROTOCOL),
      "content-type": "application/json",
      ...(credential === null ? {} : { authorization: `Bearer ${credential}` }),
    },
    ...(method === "GET" ? {} : { body: JSON.stringify(body ?? {}) }),
  });

describe.each(AGENT_CALLS)("%s %s of the agent link", (method, path) => {
  test.each(CALLERS)("is not for %s", async (caller) => {
    const response = await asAgent(method, path, seeded.tokens[caller]);
    expect(response.status).toBe(401);
    expect(await response.json()).toMatchObject({ error: { code: "unauthenticated" } });
  });
});

test("the credential of an agent is none for people", async () => {
  const token = await seeded.coordinator.newJoinToken("lab");
  const enrolled = await asAgent("POST", "/enroll", null, {
    agent_version: "0.1.0",
    public_key: Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString("base64"),
    boot_id: "boot",
    inventory: anInventory(),
    proof: { kind: "join", token },
  });
  const { credential } = EnrollAnswer.parse(await enrolled.json());
  const isGuarded = ({ access }: Route) => access !== "none" && access !== "service";
  for (const route of ROUTES.filter(isGuarded)) {
    const { status, body } = await callRoute(seeded, route, { token: credential.token });
    expect({ key: keyOf(route), status, body }).toEqual({
      key: keyOf(route),
      ...refusalOf("bad token", "auth"),
    });
  }
});
