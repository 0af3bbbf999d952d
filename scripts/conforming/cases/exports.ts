import assert from "node:assert/strict";
import type { Case } from "../case.ts";
import { assertHas } from "../expect.ts";
import { readTable } from "../table.ts";

const EXPORTS = ["NAME", "FLEETS", "GATEWAYS", "IMPORTERS"];
const IMPORTS = ["NAME", "FLEETS", "GATEWAYS"];

export const exportCases: Case[] = [
  {
    name: "export-life",
    expect: "a fleet is lent to another project, which sees it and may give it back; then it is lent to none",
    covers: {
      export: ["--project"],
      "export create": ["NAME", "--importer", "--fleet"],
      "export update": ["NAME", "--add-importer", "--remove-importer", "--add-fleet", "--remove-fleet"],
      "export delete": ["NAME", "--yes"],
      import: ["--project"],
      "import delete": ["NAME", "--yes"],
    },
    run: async ({ name, stage, api, ok, stock, fails }) => {
      for (const project of [name, `${name}-2`]) await api("/api/projects/create", { project_name: project });
      const { url, token } = stage.coordinator;
      const env = { DSTACK_SERVER_URL: url, DSTACK_TOKEN: token, DSTACK_PROJECT: name };
      const lent = async () =>
        readTable(await ok(["import"], { env }), IMPORTS).find((row) => row["NAME"] === `main/${name}`);
      const own = async () =>
        readTable(await ok(["export", "--project", "main"]), EXPORTS).find((row) => row["NAME"] === name);
      const made = await ok(["export", "create", name, "--importer", name, "--fleet", "pool"]);
      assertHas(readTable(made, EXPORTS), [{ NAME: name, FLEETS: "pool", GATEWAYS: "-", IMPORTERS: name }]);
      assertHas(await lent(), { FLEETS: "pool" });
      assert.match(await ok(["fleet"], { env }), /main\/pool/);
      await ok([
        ...["export", "update", name, "--add-importer", `${name}-2`, "--add-fleet", "gpu"],
        ...["--remove-fleet", "pool"],
      ]);
      assertHas(await own(), { FLEETS: "gpu", IMPORTERS: `${name}, ${name}-2` });
      await ok(["export", "update", name, "--remove-importer", `${name}-2`]);
      assertHas(await own(), { IMPORTERS: name });
      const back = ["import", "delete", `main/${name}`];
      assert.match((await stock(back, { env, input: "n\n" })).stdout, /Delete the import .*\?/);
      assert.match(await ok([...back, "-y"], { env }), new RegExp(`Import main/${name} deleted`));
      assert.equal(await lent(), undefined);
      await fails(["import", "delete", "no-project", "-y"], { env, code: 2 });
      assert.match((await stock(["export", "delete", name], { input: "n\n" })).stdout, /Delete the export/);
      assert.match(await ok(["export", "delete", name, "-y"]), new RegExp(`Export ${name} deleted`));
      assert.equal(await own(), undefined);
    },
  },
  {
    name: "export-global",
    expect: "--global, --set-global and --unset-global: lent to every project, or no more",
    covers: { "export create": ["--global"], "export update": ["--set-global", "--unset-global"] },
    run: async ({ name, ok }) => {
      const row = (text: string) => readTable(text, EXPORTS).find(({ NAME }) => NAME === name);
      assertHas(row(await ok(["export", "create", name, "--fleet", "gpu", "--global"])), { IMPORTERS: "*" });
      await ok(["export", "update", name, "--unset-global"]);
      assertHas(row(await ok(["export", "list"])), { IMPORTERS: "-" });
      assertHas(row(await ok(["export", "update", name, "--set-global"])), { IMPORTERS: "*" });
      await ok(["export", "delete", name, "-y"]);
    },
  },
  {
    name: "export-of-gateway",
    expect: "a gateway that is not there is refused, exit 1",
    covers: {
      "export create": ["--gateway"],
      "export update": ["--add-gateway", "--remove-gateway"],
    },
    run: async ({ name, ok, fails }) => {
      const none = /not found|does not exist|absent/i;
      assert.match(await fails(["export", "create", name, "--gateway", "absent"]), none);
      await ok(["export", "create", name, "--fleet", "gpu"]);
      assert.match(await fails(["export", "update", name, "--add-gateway", "absent"]), none);
      assert.match(await fails(["export", "update", name, "--remove-gateway", "absent"]), none);
      await ok(["export", "delete", name, "-y"]);
    },
  },
];
