import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { startTestCoordinator } from "../../testing/startTestCoordinator.ts";
import { ROUTES } from "../routes.ts";
import { makeOpenApi } from "./document.ts";
import { modelsByName } from "./models.ts";

type Json = Record<string, unknown>;

interface Operation {
  operationId: string;
  summary?: string;
  tags: string[];
  security?: unknown[];
  responses: Record<string, unknown>;
}

const document = makeOpenApi(ROUTES);
const components = document["components"] as {
  schemas: Record<string, Json>;
  responses: Record<string, Json>;
};
const operations = Object.values(document["paths"] as Record<string, Record<string, Operation>>).flatMap(
  (methods) => Object.values(methods),
);

test("everybody may read what the coordinator speaks", async () => {
  await using coordinator = await startTestCoordinator();
  const response = await fetch(`${coordinator.url}/openapi.json`);
  expect(response.headers.get("content-type")).toBe("application/json");
  expect(await response.json()).toEqual(JSON.parse(JSON.stringify(document)));
});

test("every route is in it once, under a name of its own", () => {
  expect(operations).toHaveLength(ROUTES.length);
  expect(new Set(operations.map(({ operationId }) => operationId)).size).toBe(ROUTES.length);
});

test("what is open needs no token, and all else does", () => {
  const open = operations.filter(({ security }) => security?.length === 0).length;
  expect(open).toBe(ROUTES.filter(({ access }) => access === "none").length);
});

test("what is referred to is there, and what is there is referred to", () => {
  const text = JSON.stringify(document);
  const referred = [...text.matchAll(/"\$ref":"#\/components\/(\w+)\/([^"]+)"/g)].map(
    ([, kind, name]) => `${kind} ${name}`,
  );
  const there = [
    ...Object.keys(components.schemas).map((name) => `schemas ${name}`),
    ...Object.keys(components.responses).map((name) => `responses ${name}`),
  ];
  expect([...new Set(referred)].sort()).toEqual(there.sort());
  expect(text.match(/"\$ref":"(?!#\/components\/)/g)).toBeNull();
});

test("a model that is sent as it is answered goes by one name; one that differs by two", () => {
  expect(components.schemas["FileArchiveMapping"]).toBeDefined();
  expect(components.schemas["FileArchiveMappingInput"]).toBeUndefined();
  expect(components.schemas["RunSpec"]?.["required"]).toContain("run_name");
  expect(components.schemas["RunSpecInput"]?.["required"]).toEqual(["configuration"]);
});

test("answers may grow, but for the language of configurations", () => {
  expect(components.schemas["Run"]?.["additionalProperties"]).toBeUndefined();
  expect(components.schemas["TaskConfiguration"]?.["additionalProperties"]).toBe(false);
  const strict = makeOpenApi(ROUTES, { isStrict: true })["components"] as typeof components;
  expect(strict.schemas["Run"]?.["additionalProperties"]).toBe(false);
});

test("every model that is exported goes by its name, and no other does", async () => {
  const api = join(import.meta.dir, "../../../shared/api");
  const exported = await Promise.all(
    readdirSync(api)
      .filter((file) => !file.endsWith(".test.ts"))
      .map(async (file) => Object.entries((await import(join(api, file))) as object)),
  );
  const named = modelsByName();
  for (const [name, schema] of exported.flat())
    if (schema instanceof z.ZodType) expect(named.get(name)).toBe(schema);
});
