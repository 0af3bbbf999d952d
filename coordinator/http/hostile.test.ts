import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { keyOf } from "../testing/callRoute.ts";
import { type Answered, undocumented } from "../testing/documented.ts";
import { ROUTE_CASES } from "../testing/routeCases.ts";
import { type Seeded, startSeeded } from "../testing/seeded.ts";
import type { Route } from "./route.ts";
import { ROUTES } from "./routes.ts";

// What nobody sends by accident: each is refused or taken as it is, and never makes the coordinator fail.

let seeded: Seeded;
beforeAll(async () => {
  seeded = await startSeeded();
});
afterAll(() => seeded[Symbol.asyncDispose]());

const send = async (route: Route, body: Uint8Array<ArrayBuffer> | string): Promise<Answered> => {
  const token = seeded.tokens[route.access === "service" ? "service" : "gadmin"];
  const path = route.path.replace(":project", "main").replace(/:\w+/g, "x");
  const response = await fetch(`${seeded.coordinator.url}${path}`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body,
  });
  const contentType = response.headers.get("content-type") ?? "";
  const text = await response.text();
  const isJson = contentType.startsWith("application/json");
  return { status: response.status, contentType, body: isJson ? (JSON.parse(text) as unknown) : text };
};

const expectHandled = async (route: Route, body: Uint8Array<ArrayBuffer> | string): Promise<void> => {
  const answered = await send(route, body);
  const place = { key: keyOf(route), body: String(body).slice(0, 300), answer: answered.body };
  expect({
    ...place,
    isFailure: answered.status >= 500,
    undocumented: undocumented(route, answered),
  }).toEqual({
    ...place,
    isFailure: false,
    undocumented: [],
  });
};

const deep = (depth: number, [open, close]: readonly [string, string]) =>
  open.repeat(depth) + close.repeat(depth);

const WHOLE: Readonly<Record<string, string | Uint8Array<ArrayBuffer>>> = {
  "bytes that are no UTF-8": new Uint8Array([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d]),
  "a NUL": "\0",
  "half a text": '{"name": "',
  "a mark of byte order": "\uFEFF{}",
  "lists in lists": deep(100_000, ["[", "]"]),
  "objects in objects": `${'{"name":'.repeat(20_000)}1${"}".repeat(20_000)}`,
  "a number": "1e999",
  null: "null",
  "a prototype": '{"__proto__": {"name": "x"}, "constructor": 1}',
};

/** As JSON, for some of them are none that `JSON.stringify` would write. */
const LEAVES: Readonly<Record<string, string>> = {
  "a NUL": '"a\\u0000b"',
  "half a pair": '"\\ud800"',
  "a long text": JSON.stringify("x".repeat(100_000)),
  "an endless number": "1e999",
  "a large number": "9007199254740993",
  "a negative number": "-1",
  "the first year": '"0000-01-01T00:00:00Z"',
  "the last year": '"9999-12-31T23:59:59.999999+23:59"',
  "no id": '"00000000-0000-0000-0000-000000000000"',
  "a pattern": '"(a+)+$%_\'\\"; DROP TABLE users --"',
  "a way up": '"../../../etc/passwd"',
  "lists in lists": deep(2_000, ["[", "]"]),
  "a prototype": '{"__proto__": null, "toString": 1}',
  "a true": "true",
  null: "null",
};

const MARK = "@hostile@";

/** The body once for each of its leaves, with the mark in its place. */
const marked = (value: unknown): unknown[] => {
  if (Array.isArray(value))
    return value.flatMap((element, index) => marked(element).map((other) => value.with(index, other)));
  if (typeof value !== "object" || value === null) return [MARK];
  return Object.entries(value).flatMap(([key, inner]) => [
    { ...value, [key]: MARK },
    ...marked(inner).map((other) => ({ ...value, [key]: other })),
  ]);
};

/** The body once for each of its lists, with that many different elements in it. */
const stretched = (value: unknown, length: number): unknown[] => {
  if (Array.isArray(value)) {
    const [first] = value as unknown[];
    return [Array.from({ length }, (_, index) => another(first, index))];
  }
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) =>
    stretched(inner, length).map((other) => ({ ...value, [key]: other })),
  );
};

const another = (element: unknown, index: number): unknown => {
  if (typeof element === "number") return element + index;
  if (typeof element === "string")
    return /^[0-9a-f-]{36}$/.test(element) ? crypto.randomUUID() : `${element}${index}`;
  if (typeof element !== "object" || element === null) return element;
  return Object.fromEntries(Object.entries(element).map(([key, inner]) => [key, another(inner, index)]));
};

const routes = ROUTES.filter(({ body }) => body).map((route) => ({ key: keyOf(route), route }));

describe.each(routes)("$key", ({ key, route }) => {
  test.each(Object.keys(WHOLE))("%s", (name) => expectHandled(route, WHOLE[name] ?? ""));

  test("with something hostile in each place", async () => {
    const body = ROUTE_CASES[key]?.(seeded.known).body ?? {};
    for (const one of marked(body))
      for (const leaf of Object.values(LEAVES))
        await expectHandled(
          route,
          JSON.stringify(one).replace(`"${MARK}"`, () => leaf),
        );
  });
});

describe.each(routes)("$key", ({ key, route }) => {
  test.each([10_000, 40_000])("with %d elements in each list", async (length) => {
    for (const one of stretched(ROUTE_CASES[key]?.(seeded.known).body, length))
      await expectHandled(route, JSON.stringify(one));
  });
});

const many = (make: (index: number) => unknown) => Array.from({ length: 40_000 }, (_, index) => make(index));
const RUNS: Readonly<Record<string, () => object>> = {
  fleets: () => ({ fleets: many((index) => `fleet-${index}`) }),
  instances: () => ({ instances: many((index) => `lab-${index}`) }),
  volumes: () => ({ volumes: many((index) => `volume-${index}:/mnt/${index}`) }),
  secrets: () => ({
    env: Object.fromEntries(many((index) => [`A${index}`, `\${{ secrets.a${index} }}`]) as []),
  }),
};

test.each(Object.keys(RUNS))("a run that names 40,000 %s", async (what) => {
  const configuration = { type: "task", name: what, commands: ["true"], ...RUNS[what]?.() };
  const run_spec = { ssh_key_pub: "", configuration };
  for (const [path, body] of [
    ["get_plan", { run_spec }],
    ["apply", { plan: { run_spec }, force: false }],
  ] as const) {
    const { status } = await seeded.coordinator.post(`/api/project/main/runs/${path}`, body);
    expect(status).toBeLessThan(500);
  }
});

test("a run with 40,000 archives", async () => {
  const file_archives = many((index) => ({ id: crypto.randomUUID(), path: `/${index}` }));
  const run_spec = { configuration: { type: "task", commands: ["true"] }, file_archives, ssh_key_pub: "" };
  const plan = await seeded.coordinator.post("/api/project/main/runs/get_plan", { run_spec });
  expect(plan.status).toBeLessThan(500);
  const applied = { plan: { run_spec }, force: false };
  expect((await seeded.coordinator.post("/api/project/main/runs/apply", applied)).status).toBeLessThan(500);
});

test.each([
  ["nodes", { nodes: 1_000_000 }],
  ["nodes in all", { commands: [], groups: [1, 2].map(() => ({ nodes: 4096, commands: ["true"] })) }],
  ["times", { schedule: { cron: Array.from({ length: 101 }, () => "0 0 30 2 *") } }],
])("a run of so many %s that its plan would keep everybody waiting is refused", async (_, more) => {
  const configuration = { type: "task", commands: ["true"], ...more };
  const path = "/api/project/main/runs/get_plan";
  const { status } = await seeded.coordinator.post(path, {
    run_spec: { configuration },
    for_offers_only: true,
  });
  expect(status).toBe(422);
});

test("and afterwards all goes on", async () => {
  const { status } = await seeded.coordinator.post("/api/project/main/runs/get", { run_name: "lasting" });
  expect(status).toBe(200);
});
