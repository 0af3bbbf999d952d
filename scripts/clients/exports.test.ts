import { expect, test } from "bun:test";
import { openLab } from "./lab.ts";

test("a fleet is shared, shown on both sides, and taken back", async () => {
  await using lab = await openLab();
  await lab.coordinator.post("/api/projects/create", { project_name: "other" });
  const run = async (...argv: string[]) => {
    const { code, out, err } = await lab.person.run(argv);
    return { code, err, lines: out.split("\n").filter(Boolean) };
  };
  const header = " NAME    FLEETS  GATEWAYS  IMPORTERS";
  expect(await run("export", "create", "shared", "--fleet", "lab", "--importer", "other")).toEqual({
    code: 0,
    err: "",
    lines: [header, " shared  lab     -         other"],
  });
  expect((await run("--project", "other", "import")).lines).toEqual([
    " NAME         FLEETS  GATEWAYS",
    " main/shared  lab     -",
  ]);
  expect((await run("--project", "other", "fleet")).lines.join("\n")).toContain("main/lab");
  expect((await run("export", "update", "shared", "--set-global")).lines[1]).toEndWith("*");
  expect(
    (await run("export", "update", "shared", "--unset-global", "--remove-importer", "other")).lines[1],
  ).toBe(" shared  lab     -         -");
  expect((await run("export", "update", "shared", "--add-importer", "other")).code).toBe(0);
  const declined = await lab.person.run(["--project", "other", "import", "delete", "main/shared"], {
    stdin: "n\n",
  });
  expect(declined.out).toBe("Delete the import main/shared? [y/n]: \nExiting...\n");
  expect((await run("--project", "other", "import", "delete", "main/shared", "-y")).lines).toEqual([
    "Import main/shared deleted",
  ]);
  const { out } = await lab.person.run(["export", "-o", "json"]);
  expect(JSON.parse(out)).toMatchObject({ project: "main", exports: [{ name: "shared", imports: [] }] });
  expect((await run("export", "delete", "shared", "-y")).lines).toEqual(["Export shared deleted"]);
  expect((await run("export")).lines).toEqual([" NAME  FLEETS  GATEWAYS  IMPORTERS"]);
  expect((await run("import", "delete", "nonsense")).code).toBe(2);
});
