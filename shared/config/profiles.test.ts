import { describe, expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { tempDir } from "../testing/tempDir.ts";
import { ConfigurationError } from "./problems.ts";
import { findProfile } from "./profiles.ts";

const write = async (folder: string, text: string, name = "profiles.yml") => {
  mkdirSync(join(folder, ".dstack"), { recursive: true });
  await Bun.write(join(folder, ".dstack", name), text);
};

const setUp = async () => {
  const dir = tempDir();
  const places = { cwd: join(dir.path, "work"), home: join(dir.path, "home"), env: {} };
  await write(
    places.cwd,
    "profiles: [{name: big, max_price: 30}, {name: small, default: true, max_price: 1}]",
  );
  await write(places.home, "profiles: [{name: spot, spot_policy: spot}, {name: big}]", "profiles.yaml");
  return { places, [Symbol.dispose]: () => dir[Symbol.dispose]() };
};

describe("findProfile()", () => {
  test.each([
    [{}, {}, "small"],
    [{ name: "big" }, {}, "big"],
    [{ name: "spot" }, {}, "spot"],
    [{}, { DSTACK_PROFILE: "spot" }, "spot"],
    [{ name: "big" }, { DSTACK_PROFILE: "spot", DSTACK_NO_PROFILE: "1" }, "big"],
    [{ none: true, name: "big" }, {}, undefined],
    [{}, { DSTACK_NO_PROFILE: "true", DSTACK_PROFILE: "spot" }, undefined],
    [{}, { DSTACK_NO_PROFILE: "off" }, "small"],
  ])("%j %j", async (wish, env, name) => {
    using set = await setUp();
    expect((await findProfile({ ...set.places, env, ...wish }))?.name).toBe(name);
  });

  test("takes the folder's before the user's own", async () => {
    using set = await setUp();
    expect((await findProfile({ ...set.places, name: "big" }))?.max_price).toBe(30);
  });

  test("is null where there are none", async () => {
    using dir = tempDir();
    expect(await findProfile({ cwd: dir.path, home: dir.path, env: {} })).toBeNull();
  });

  test("refuses a name that is nowhere, and a switch that is no switch", async () => {
    using set = await setUp();
    expect(findProfile({ ...set.places, name: "huge" })).rejects.toThrow("No such profile: huge");
    const env = { DSTACK_NO_PROFILE: "maybe" };
    expect(findProfile({ ...set.places, env })).rejects.toThrow(/Invalid bool value/);
  });

  test("refuses what is no placement property, with its place", async () => {
    using set = await setUp();
    await write(set.places.cwd, "profiles:\n  - name: p\n    resources: {gpu: 1}\n");
    const found = findProfile(set.places);
    expect(found).rejects.toBeInstanceOf(ConfigurationError);
    expect(found).rejects.toThrow(/profiles.yml:3:5: profiles\[0\].resources: Unknown property/);
  });
});
