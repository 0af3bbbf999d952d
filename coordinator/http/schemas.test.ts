import { afterAll, beforeAll, expect, test } from "bun:test";
import { fileSchema } from "../../shared/config/schemas.ts";
import { startTestCoordinator, type TestCoordinator } from "../testing/startTestCoordinator.ts";

let coordinator: TestCoordinator;
beforeAll(async () => {
  coordinator = await startTestCoordinator();
});
afterAll(() => coordinator[Symbol.asyncDispose]());

test("editors get the schemas of configurations without a token, and nothing else", async () => {
  const get = (file: string) => fetch(`${coordinator.url}/schema/${file}`);
  const task = await get("task.json");
  expect(task.headers.get("content-type")).toBe("application/schema+json");
  expect(await task.json()).toEqual(fileSchema("task"));
  const all = (await (await get("configuration.json")).json()) as { anyOf: { $ref: string }[] };
  for (const { $ref } of all.anyOf) expect((await get($ref)).status).toBe(200);
  for (const file of ["task", "toString.json", "secrets.json"]) expect((await get(file)).status).toBe(404);
});
