import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import fc from "fast-check";
import { ROUTES } from "./http/routes.ts";
import { filled, readWire } from "./testing/goldenWire.ts";
import { startTestCoordinator, type TestCoordinator } from "./testing/startTestCoordinator.ts";

let coordinator: TestCoordinator;

beforeAll(async () => {
  coordinator = await startTestCoordinator({ DSTACK_SERVER_CODE_UPLOAD_LIMIT: "100000" });
});
afterAll(() => coordinator[Symbol.asyncDispose]());

const raw = async (
  path: string,
  init: { method?: string; headers?: Record<string, string>; body?: string | ReadableStream },
) => {
  const response = await fetch(`${coordinator.url}${path}`, {
    method: "POST",
    ...init,
    headers: { authorization: `Bearer ${coordinator.adminToken}`, ...init.headers },
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text === "" ? null : JSON.parse(text) };
};

describe("routes that are not there", () => {
  test.each([
    ["GET", "/nothing", 404, "Not Found"],
    ["GET", "/api/runs/list", 404, "Not Found"],
    ["POST", "/api/nothing", 405, "Method Not Allowed"],
    ["POST", "/api/runs/list/", 405, "Method Not Allowed"],
    ["DELETE", "/api/runs/list", 405, "Method Not Allowed"],
    ["POST", "/api/agent/nothing", 405, "Method Not Allowed"],
  ])("%s %s", async (method, path, status, detail) => {
    const headers = { "x-dstack-agent-protocol": "1" };
    expect(await raw(path, { method, headers })).toMatchObject({ status, body: { detail } });
  });
});

describe("the client's version", () => {
  const ask = (version: string) => raw("/api/users/get_my_user", { headers: { "x-api-version": version } });

  test.each(["0.19.0", "0.21.2", "0.22.0", "0.22.99", "0.0.0", "0.0.0.dev1", "latest"])(
    "%s passes",
    async (version) => expect((await ask(version)).status).toBe(200),
  );
  test.each(["0.23.0", "1.0.0", "99"])("%s is too new", async (version) => {
    const msg = `The client/CLI version (${version}) is incompatible with the server version (0.22.5).`;
    expect(await ask(version)).toMatchObject({ status: 400, body: { detail: [{ msg, code: "error" }] } });
  });
  test("what is no version is refused before the token is looked at", async () => {
    const headers = { "x-api-version": "strange", authorization: "Bearer wrong" };
    const detail = [{ msg: "Invalid version: strange", code: null }];
    expect(await raw("/api/users/get_my_user", { headers })).toMatchObject({ status: 400, body: { detail } });
  });
  test("only the API asks for it", async () => {
    expect((await raw("/healthcheck", { method: "GET", headers: { "x-api-version": "9.0" } })).status).toBe(
      200,
    );
  });
});

describe("bodies", () => {
  const json = { "content-type": "application/json" };
  const path = "/api/project/main/runs/stop";

  test("each problem is named with its place", async () => {
    const { status, body } = await raw(path, { headers: json, body: '{"runs_names":"x"}' });
    expect(status).toBe(422);
    expect(body.detail).toMatchObject([
      { loc: ["body", "runs_names"], input: "x" },
      { type: "missing", loc: ["body", "abort"], msg: "Field required" },
    ]);
  });

  test("the answer to a huge mistake is small", async () => {
    const many = { runs_names: Array.from({ length: 10_000 }, () => 1), abort: "x".repeat(100_000) };
    const { status, body } = await raw(path, { headers: json, body: JSON.stringify(many) });
    expect(status).toBe(422);
    expect(JSON.stringify(body).length).toBeLessThan(20_000);
  });

  test("none counts as an empty one", async () => {
    expect((await raw("/api/runs/list", {})).status).toBe(200);
    expect((await raw(path, {})).status).toBe(422);
  });

  test("JSON must say that it is", async () => {
    const { status } = await raw(path, { headers: { "content-type": "text/plain" }, body: "{}" });
    expect(status).toBe(422);
    expect((await raw(path, { headers: json, body: "{" })).body.detail).toMatchObject([
      { type: "json_invalid" },
    ]);
  });

  test("a body over the limit is refused, also one that hides its size", async () => {
    const huge = `{"runs_names":["${"x".repeat(5 * 1024 * 1024)}"]}`;
    expect((await raw(path, { headers: json, body: huge })).status).toBe(413);
    const stream = new ReadableStream({
      pull: (controller) => controller.enqueue(new Uint8Array(1024 * 1024)),
    });
    expect((await raw(path, { headers: json, body: stream })).status).toBe(413);
  });

  test("an archive over its limit is refused in a sentence", async () => {
    const form = new FormData();
    form.append("file", new Blob([new Uint8Array(300_000)]), "0".repeat(64));
    const response = await fetch(`${coordinator.url}/api/files/upload_archive`, {
      method: "POST",
      headers: { authorization: `Bearer ${coordinator.adminToken}` },
      body: form,
    });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ detail: [{ code: "error" }] });
  });
});

test("every answer names its request", async () => {
  const { headers } = await raw("/healthcheck", { method: "GET" });
  expect(headers.get("x-request-id")).toMatch(/^[0-9a-f-]{36}$/);
});

/** Of a shape that some route may take for its own, at least at the top. */
const KEYS = [
  "run_spec",
  "plan",
  "runs_names",
  "names",
  "name",
  "id",
  "run_name",
  "abort",
  "force",
  "limit",
  "configuration",
  "prev_created_at",
  "prev_submitted_at",
  "prev_id",
  "prev_run_id",
  "repo_id",
  "repo_info",
  "username",
  "usernames",
  "members",
  "project_name",
  "fleet",
  "ids",
  "instance_nums",
  "next_token",
  "job_submission_id",
  "start_time",
  "hash",
  "group_by",
  "name_pattern",
  "projects_names",
  "users",
  "type",
  "commands",
  "resources",
  "env",
  "volumes",
];
const scalar = fc.oneof(
  fc.string({ unit: "binary", maxLength: 20 }),
  fc.constantFrom(
    "task",
    "main",
    "admin",
    "lab",
    "' OR 1=1 --",
    "\u0000",
    "2020-01-01T00:00:00Z",
    crypto.randomUUID(),
  ),
  fc.double(),
  fc.integer(),
  fc.boolean(),
  fc.constant(null),
);
const { value: anything } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    scalar,
    fc.array(tie("value"), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom(...KEYS), tie("value"), { maxKeys: 5 }),
  ),
}));
const object = fc.dictionary(fc.constantFrom(...KEYS), anything, { maxKeys: 8 });

/** These would lock the test itself out, or stay open. */
const NOT_FUZZED =
  /users\/(?:delete|refresh_token)|projects\/delete|remove_members|set_members|runs\/watch|logs\/stream/;

test("whatever is sent to whatever route, it is never an internal error", async () => {
  const routes = ROUTES.filter((route) => route.method === "POST" && !NOT_FUZZED.test(route.path));
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...routes), fc.oneof(object, anything), async (route, body) => {
      const path = route.path.replace(":project", "main");
      const answer = await coordinator.post(path, body);
      expect({ path, body, status: answer.status }).toEqual({ path, body, status: expect.any(Number) });
      if (answer.status >= 500)
        throw new Error(`${path} ${JSON.stringify(body)}: ${JSON.stringify(answer.body)}`);
    }),
    { numRuns: 1_500 },
  );
}, 120_000);

/** Every place in a value, the value itself first. */
const placesIn = (value: unknown): (string | number)[][] =>
  typeof value === "object" && value !== null
    ? [[], ...Object.entries(value).flatMap(([key, item]) => placesIn(item).map((rest) => [key, ...rest]))]
    : [[]];

const withChange = (value: unknown, [key, ...rest]: (string | number)[], change: unknown): unknown => {
  if (key === undefined) return change;
  const changed = withChange(Reflect.get(Object(value), key), rest, change);
  return Array.isArray(value)
    ? value.map((item, index) => (String(index) === key ? changed : item))
    : { ...(value as object), [key]: changed };
};

test("a recorded request with one part changed is never an internal error", async () => {
  const wires = [
    "apply-detached",
    "reapply-active",
    "offer",
    "service",
    "ps",
    "logs",
    "stop",
    "dev-environment-plan",
  ];
  const requests = wires
    .flatMap((file) => readWire(file))
    .map(({ request }) => ({ path: request.path, body: filled(request.body, new Map()) }));
  const change = fc
    .constantFrom(...requests)
    .chain(({ path, body }) =>
      fc.tuple(fc.constant({ path, body }), fc.constantFrom(...placesIn(body)), anything),
    );
  await fc.assert(
    fc.asyncProperty(change, async ([{ path, body }, place, value]) => {
      const changed = withChange(body, place, value);
      const answer = await coordinator.post(path, changed);
      if (answer.status >= 500)
        throw new Error(`${path} ${JSON.stringify(changed)}: ${JSON.stringify(answer.body)}`);
    }),
    { numRuns: 1_500 },
  );
}, 120_000);

test("whatever the path, it is never an internal error", async () => {
  const segment = fc.string({ unit: "binary", minLength: 1, maxLength: 30 }).map((text) => {
    try {
      return encodeURIComponent(text);
    } catch {
      return "%ED%A0%80";
    }
  });
  await fc.assert(
    fc.asyncProperty(segment, async (name) => {
      for (const path of [`/api/project/${name}/runs/get`, `/artifacts/${name}`, `/api/projects/${name}/get`])
        for (const method of ["GET", "POST"]) {
          const response = await fetch(`${coordinator.url}${path}`, {
            method,
            headers: { authorization: `Bearer ${coordinator.adminToken}` },
          });
          await response.arrayBuffer();
          if (response.status >= 500) throw new Error(`${method} ${path}: ${response.status}`);
        }
    }),
    { numRuns: 100 },
  );
});
