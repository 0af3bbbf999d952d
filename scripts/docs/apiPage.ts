import { z } from "zod";
import { makeOpenApi } from "../../coordinator/http/openapi/document.ts";
import { ROUTES } from "../../coordinator/http/routes.ts";

const Reference = z.object({ $ref: z.string() });
const Content = z.record(z.string(), z.object({ schema: z.unknown() }));
const Operation = z.object({
  summary: z.string(),
  tags: z.tuple([z.string()]),
  "x-dstack-access": z.string(),
  parameters: z.array(z.object({ name: z.string(), in: z.string() })).default([]),
  requestBody: z.object({ content: Content }).optional(),
  responses: z.object({ "200": z.object({ content: Content }) }),
});
type Operation = z.infer<typeof Operation>;

const Document = z.object({
  tags: z.array(z.object({ name: z.string(), description: z.string() })),
  paths: z.record(z.string(), z.record(z.string(), Operation)),
});

/** A model by its name, a list of one, or in which form it comes. */
const nameOf = (schema: unknown): string => {
  const reference = Reference.safeParse(schema);
  if (reference.success) return `\`${reference.data.$ref.replace(/^.*\//, "")}\``;
  const list = z.object({ type: z.literal("array"), items: z.unknown() }).safeParse(schema);
  if (list.success) return `list of ${nameOf(list.data.items)}`;
  const plain = z.object({ type: z.string() }).safeParse(schema);
  return plain.success ? `\`${plain.data.type}\`` : "one of several";
};

const contentOf = (content: z.infer<typeof Content> | undefined): string =>
  Object.entries(content ?? {})
    .map(([media, { schema }]) => (media === "application/json" ? nameOf(schema) : `\`${media}\``))
    .join(", ");

const row = (method: string, path: string, operation: Operation): string => {
  const query = operation.parameters.filter((parameter) => parameter.in === "query");
  const names = query.map(({ name }) => `\`?${name}\``).join(" ");
  const sent = [names, contentOf(operation.requestBody?.content)].filter((text) => text !== "").join(", ");
  const answer = contentOf(operation.responses["200"].content);
  const cells = [`\`${method} ${path}\``, operation["x-dstack-access"], sent, answer, operation.summary];
  return `| ${cells.join(" | ")} |`;
};

const INTRODUCTION = `# API

<!-- Made by \`bun run docs\` from the routes and their schemas. -->

Every call of a coordinator's REST API. [openapi.json](openapi.json) has the models (OpenAPI 3.1); every coordinator serves
its own at \`/openapi.json\`. How to use it: [the REST guide](../rest.md).

Who may call: \`none\`: everyone, without a token; \`auth\`: with a token; \`member\`, \`manager\`, \`padmin\`: with that role in the
project or a higher one; \`+public\`: also others, of a public project; \`+importer\`: also members of projects that it
shares with; \`gadmin\`: global admins, who may everything; \`service\`: by a token of the coordinator's configuration.
`;

/** One table of calls for each group. */
const renderApiPage = (document: unknown): string => {
  const { tags, paths } = Document.parse(document);
  const calls = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ method: method.toUpperCase(), path, operation })),
  );
  const groups = tags.map(({ name, description }) => {
    const rows = calls
      .filter(({ operation }) => operation.tags[0] === name)
      .map(({ method, path, operation }) => row(method, path, operation));
    const head = "| call | for | sent | answered | |\n| --- | --- | --- | --- | --- |";
    return `## ${name}\n\n${description}.\n\n${head}\n${rows.join("\n")}\n`;
  });
  return [INTRODUCTION, ...groups].join("\n");
};

/** The page, and the description that it is made from. */
export const renderApi = (): { page: string; json: string } => {
  const document = makeOpenApi(ROUTES);
  return { page: renderApiPage(document), json: `${JSON.stringify(document, null, 1)}\n` };
};
