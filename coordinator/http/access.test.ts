import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { startTestCoordinator, type TestCoordinator } from "../testing/startTestCoordinator.ts";
import type { Access } from "./access.ts";
import { ROUTES } from "./routes.ts";

const CALLERS = ["none", "bad", "user", "member", "manager", "padmin", "gadmin"] as const;
type Caller = (typeof CALLERS)[number];

/** Who passes, besides global admins (docs/spec/http-api.md §1.8). The project is not public. */
const PASSES: Record<Access, readonly Caller[]> = {
  none: ["none", "bad", "user", "member", "manager", "padmin"],
  // No token is configured, so that not even global admins pass.
  service: [],
  auth: ["user", "member", "manager", "padmin"],
  gadmin: [],
  member: ["member", "manager", "padmin"],
  "member+public": ["member", "manager", "padmin"],
  "member+importer": ["member", "manager", "padmin"],
  "member+public+importer": ["member", "manager", "padmin"],
  manager: ["manager", "padmin"],
  padmin: ["padmin"],
};

let coordinator: TestCoordinator;
const tokens: Partial<Record<Caller, string>> = {};

beforeAll(async () => {
  coordinator = await startTestCoordinator();
  tokens.bad = "not-a-token";
  tokens.user = await coordinator.addUser("user");
  tokens.member = await coordinator.addUser("member", "user");
  tokens.manager = await coordinator.addUser("manager", "manager");
  tokens.padmin = await coordinator.addUser("padmin", "admin");
  tokens.gadmin = coordinator.adminToken;
});
afterAll(() => coordinator[Symbol.asyncDispose]());

/** A body that fits no schema: whoever passes gets an answer about the body, and nothing is changed. */
const call = async (route: (typeof ROUTES)[number], caller: Caller) => {
  const token = tokens[caller];
  const path = route.path.replace(":project", "main").replace(/:\w+/g, "x");
  const response = await fetch(`${coordinator.url}${path}`, {
    method: route.method,
    headers: {
      "content-type": "application/json",
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    ...(route.method === "GET" ? {} : { body: JSON.stringify([]) }),
  });
  return { status: response.status, body: (await response.json()) as unknown };
};

const DENIED = { status: 403, body: { detail: { msg: "Access denied", code: null } } };

/** Refused by the domain, not by the role: it concerns the person, not the route. */
const OWN_RULES = new Set(["/api/projects/:project/add_members", "/api/projects/:project/remove_members"]);

describe.each(ROUTES.map((route) => [`${route.method} ${route.path}`, route] as const))("%s", (_, route) => {
  test.each([...CALLERS])("as %s", async (caller) => {
    const { status, body } = await call(route, caller);
    expect(status).toBeLessThan(500);
    if ((caller === "gadmin" && route.access !== "service") || PASSES[route.access].includes(caller)) {
      if (!OWN_RULES.has(route.path)) expect([401, 403]).not.toContain(status);
    } else if (route.access === "service") {
      expect({ status, body }).toEqual(DENIED);
    } else if (caller === "none") {
      expect({ status, body }).toEqual({ status: 401, body: { detail: "Not authenticated" } });
    } else {
      const msg = caller === "bad" ? "Invalid token" : "Access denied";
      expect({ status, body }).toEqual({ status: 403, body: { detail: { msg, code: null } } });
    }
  });
});

test("a project that does not exist is a 404, for those with a token only", async () => {
  const path = "/api/project/atlantis/fleets/list";
  const missing = { status: 404, body: { detail: { msg: "Not found", code: null } } };
  expect(await coordinator.post(path)).toMatchObject(missing);
  expect(await coordinator.post(path, undefined, { token: tokens.user ?? null })).toMatchObject(missing);
  expect((await coordinator.post(path, undefined, { token: "bad" })).status).toBe(403);
});

test("projects are found whatever the case of their name", async () => {
  expect((await coordinator.post("/api/project/MAIN/fleets/list")).status).toBe(200);
});

test("a public project lets visitors see, and do no more", async () => {
  await coordinator.post("/api/projects/create", { project_name: "open", is_public: true });
  const token = tokens.user ?? null;
  expect((await coordinator.post("/api/projects/open/get", undefined, { token })).status).toBe(200);
  expect((await coordinator.post("/api/project/open/fleets/list", undefined, { token })).status).toBe(403);
});

test("a token that was renewed is bad from then on", async () => {
  const token = await coordinator.addUser("renewed");
  const { body } = await coordinator.post("/api/users/refresh_token", { username: "renewed" }, { token });
  expect((await coordinator.post("/api/users/get_my_user", undefined, { token })).status).toBe(403);
  const fresh = (body as { creds: { token: string } }).creds.token;
  expect((await coordinator.post("/api/users/get_my_user", undefined, { token: fresh })).status).toBe(200);
});

test("another scheme than Bearer is no token at all", async () => {
  const { status } = await coordinator.post("/api/users/get_my_user", undefined, {
    token: null,
    headers: { authorization: "Basic YWRtaW46YWRtaW4=" },
  });
  expect(status).toBe(401);
});
