import { expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { isGroup } from "../../cli/args/command.ts";
import { commands } from "../../cli/commands/table.ts";
import { validate } from "../../shared/config/validate.ts";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { renderCliPage } from "./cliPage.ts";
import { EXAMPLES } from "./examples.ts";
import { findStaleDocs, generateDocs } from "./generated.ts";
import { renderPage } from "./page.ts";

test.each(Object.entries(EXAMPLES))("the example of %s is right", (kind, text) => {
  expect<string>(validate(text, { path: `${kind}.yml` })).toBe(kind);
});

test("a page has every property, with type, default and example", () => {
  const page = renderPage("task");
  expect(page).toStartWith("# Task\n");
  const rows = page.split("\n");
  expect(rows).toContain(
    "| `max_duration` | duration or off |  | `12h` | When a run is stopped, counted while it runs. Unset: never. |",
  );
  expect(rows).toContain(
    "| `container_port` | integer from 1 to 65535 | required | `8000` | The port of the container. |",
  );
  expect(rows).toContain("## `resources.gpu`");
  expect(rows.find((row) => row.startsWith("| `spot_policy`"))).toContain("`spot`, `on-demand`, `auto`");
});

test("every property of every page has an example and a text", async () => {
  const pages = [...(await generateDocs())].filter(([path]) => path.startsWith("docs/configuration/"));
  const rows = pages.flatMap(([, text]) => text.split("\n").filter((line) => /^\| `/.test(line)));
  expect(rows.length).toBeGreaterThan(300);
  expect(rows.filter((row) => !/^\| `\w+` \| [^|]+ \| .*\| `.+` \| .+ \|$/.test(row))).toEqual([]);
});

test("the page of the command line has every command and option, and no table without a row", async () => {
  const page = await renderCliPage(commands);
  const { command } = await loadCommand("apply");
  for (const option of Object.values(command.options)) expect(page).toContain(option.long);
  for (const name of Object.keys(commands.subcommands)) {
    expect(page).toContain(`\n## \`dstack ${name}\`\n`);
    expect(page).toContain(`](#dstack-${name})`);
  }
  for (const path of ["run wait", "fleet token create", "config show"])
    expect(page).toContain(`\n### \`dstack ${path}\`\n`);
  expect(/--- \|\n\n/.test(page)).toBe(false);
});

const loadCommand = (name: string) => {
  const entry = commands.subcommands[name];
  if (!entry || isGroup(entry)) throw new Error(`${name} is no command`);
  return entry.load();
};

test("findStaleDocs() finds what is missing or was changed", async () => {
  using dir = tempDir();
  mkdirSync(join(dir.path, "docs"));
  for (const [path, text] of await generateDocs()) await Bun.write(join(dir.path, path), text);
  expect(await findStaleDocs(dir.path)).toEqual([]);
  await Bun.write(join(dir.path, "docs/schema/task.json"), "{}");
  await Bun.file(join(dir.path, "docs/configuration/fleet.md")).delete();
  expect(await findStaleDocs(dir.path)).toEqual(["docs/schema/task.json", "docs/configuration/fleet.md"]);
});
