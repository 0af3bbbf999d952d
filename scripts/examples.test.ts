import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { parse } from "yaml";
import { AnyConfiguration } from "../shared/config/configuration.ts";

const folder = resolve(import.meta.dir, "../examples");
const examples = readdirSync(folder).filter((name) => name.endsWith(".dstack.yml"));

test("there are examples", () => {
  expect(examples).toContain("hello.dstack.yml");
});

test.each(examples)("examples/%s is a run or a fleet", async (name) => {
  const parsed = AnyConfiguration.parse(parse(await Bun.file(join(folder, name)).text()));
  expect(["task", "dev-environment", "fleet"]).toContain(parsed.type);
  expect(parsed.name).toMatch(/^[a-z][a-z0-9-]*$/);
});
