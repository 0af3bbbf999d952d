import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { callRoute, keyOf } from "../testing/callRoute.ts";
import { undocumented } from "../testing/documented.ts";
import { ROUTE_CASES } from "../testing/routeCases.ts";
import { type Seeded, startSeeded } from "../testing/seeded.ts";
import type { Route } from "./route.ts";
import { ROUTES } from "./routes.ts";

let seeded: Seeded;
beforeAll(async () => {
  seeded = await startSeeded();
});
afterAll(() => seeded[Symbol.asyncDispose]());

test("every route has a case, and every case a route", () => {
  expect(Object.keys(ROUTE_CASES).sort()).toEqual(ROUTES.map(keyOf).sort());
});

/** The admin's call, or that of the service that it is for, which has to be answered as described, to the last field. */
const call = async (route: Route, options: Omit<Parameters<typeof callRoute>[2], "token">) => {
  const answered = await callRoute(seeded, route, {
    ...options,
    token: seeded.tokens[route.access === "service" ? "service" : "gadmin"],
  });
  return { ...answered, undocumented: undocumented(route, answered) };
};

const routes = new Map(ROUTES.map((route) => [keyOf(route), route]));
const cases = Object.entries(ROUTE_CASES).flatMap(([key, make]) => {
  const route = routes.get(key);
  return route ? [{ key, route, make }] : [];
});

describe.each(cases)("$key", ({ route, make }) => {
  test("answers a call as described", async () => {
    const wanted = make(seeded.known);
    const { status, body, undocumented } = await call(route, wanted);
    expect({ undocumented, status, body }).toEqual({ undocumented: [], status: wanted.status ?? 200, body });
  });

  if (route.body || route.upload === "form")
    test("refuses a body that is none of its own", async () => {
      const { query = {}, params = {} } = make(seeded.known);
      const { status, undocumented } = await call(route, { query, params, body: [] });
      expect({ status, undocumented }).toEqual({ status: route.upload ? 400 : 422, undocumented: [] });
    });

  if (route.query)
    test("refuses a query that is none of its own", async () => {
      const { query = {}, ...rest } = make(seeded.known);
      const wrong = { ...query, limit: "many", hash: "none", received: "many", repo_id: undefined };
      const sent = Object.entries(wrong).filter((entry): entry is [string, string] => entry[1] !== undefined);
      const { status, undocumented } = await call(route, { ...rest, query: Object.fromEntries(sent) });
      expect({ status, undocumented }).toEqual({ status: 422, undocumented: [] });
    });

  if (route.access !== "none")
    test.each(["nobody", "bad token"] as const)("refuses %s as described", async (caller) => {
      const answered = await callRoute(seeded, route, {
        ...make(seeded.known),
        token: seeded.tokens[caller],
      });
      expect(answered.status).toBe(caller === "nobody" ? 401 : 403);
      expect(undocumented(route, answered)).toEqual([]);
    });
});
