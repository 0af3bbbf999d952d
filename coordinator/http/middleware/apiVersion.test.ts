import { afterAll, beforeAll, expect, test } from "bun:test";
import { startTestCoordinator, type TestCoordinator } from "../../testing/startTestCoordinator.ts";
import { ROUTES } from "../routes.ts";

let coordinator: TestCoordinator;
beforeAll(async () => {
  coordinator = await startTestCoordinator();
});
afterAll(() => coordinator[Symbol.asyncDispose]());

const CHECKED = ROUTES.filter(({ path }) => path.startsWith("/api/") && path !== "/api/docs");

/** Without a token, which is looked at later. */
const ask = async ({ method, path }: (typeof ROUTES)[number], version: string) => {
  const url = `${coordinator.url}${path.replace(/:\w+/g, "x")}`;
  const response = await fetch(url, { method, headers: { "x-api-version": version } });
  const isJson = response.headers.get("content-type")?.startsWith("application/json");
  return { path, status: response.status, body: isJson ? ((await response.json()) as unknown) : null };
};

test.each([
  ["0.23.0", { msg: expect.stringContaining("incompatible with the server version"), code: "error" }],
  ["strange", { msg: "Invalid version: strange", code: null }],
])("every route under /api refuses a client of version %s before anything else", async (version, refusal) => {
  for (const route of CHECKED)
    expect(await ask(route, version)).toEqual({ path: route.path, status: 400, body: { detail: [refusal] } });
});

test("other routes are for clients of any version", async () => {
  for (const route of ROUTES.filter((one) => !CHECKED.includes(one)))
    expect((await ask(route, "99.0.0")).status).not.toBe(400);
});

test.each(["0.20.0", "0.21.2", "0.22.9", "0.0.0.dev1", "latest"])(
  "no route refuses a client of version %s for that",
  async (version) => {
    for (const route of CHECKED.filter(({ access }) => access !== "none"))
      expect([401, 403]).toContain((await ask(route, version)).status);
  },
);
