import { commands } from "../../cli/commands/table.ts";
import { FILE_KINDS, type FileKind, fileSchema } from "../../shared/config/schemas.ts";
import { renderApi } from "./apiPage.ts";
import { renderCliPage } from "./cliPage.ts";
import { renderPage } from "./page.ts";

type Page = Exclude<FileKind, "configuration">;

const PAGES = FILE_KINDS.filter((kind): kind is Page => kind !== "configuration");

const README = `# Configuration

<!-- Made by \`bun run docs\` from the schemas in shared/config. -->

What a \`*.dstack.yml\` may say, one page per type:

${PAGES.map((kind) => `- [${String(fileSchema(kind)["title"])}](${kind}.md)`).join("\n")}

\`dstack config validate FILE\` checks a file, \`dstack config show FILE\` tells what holds and where each value is from.

## In an editor

The same schemas are [JSON Schema](../schema). Every coordinator serves them at \`/schema/NAME.json\`. For editors with a
YAML language server, write this on the first line of a file:

\`\`\`yaml
# yaml-language-server: $schema=http://localhost:3000/schema/configuration.json
\`\`\`

Rules of several properties at once are not in them: \`dstack config validate\` knows those too.
`;

/** Every file that is made from the schemas, the routes and the table of commands, by its path in the repository. */
export const generateDocs = async (): Promise<ReadonlyMap<string, string>> => {
  const api = renderApi();
  return new Map([
    ...FILE_KINDS.map(
      (kind) => [`docs/schema/${kind}.json`, `${JSON.stringify(fileSchema(kind), null, 1)}\n`] as const,
    ),
    ...PAGES.map((kind) => [`docs/configuration/${kind}.md`, renderPage(kind)] as const),
    ["docs/configuration/README.md", README] as const,
    ["docs/cli.md", await renderCliPage(commands)] as const,
    ["docs/api/README.md", api.page] as const,
    ["docs/api/openapi.json", api.json] as const,
  ]);
};

/** Paths of those that are not what these say. */
export const findStaleDocs = async (root: string): Promise<string[]> => {
  const stale: string[] = [];
  for (const [path, text] of await generateDocs()) {
    const file = Bun.file(`${root}/${path}`);
    if (!(await file.exists()) || (await file.text()) !== text) stale.push(path);
  }
  return stale;
};
