import { type FileKind, fileSchema } from "../../shared/config/schemas.ts";
import type { JsonSchema } from "../../shared/schema/form.ts";
import { at } from "../../shared/schema/union.ts";
import { parseYaml } from "../../shared/yaml/parse.ts";
import { EXAMPLES } from "./examples.ts";
import { sampleOf } from "./samples.ts";
import { branchesOf, isRange, typeText } from "./typeText.ts";

interface Section {
  /** `resources.gpu`, `groups[]`; empty for the file itself. */
  path: string;
  properties: Record<string, JsonSchema>;
  required: readonly string[];
}

const objectsIn = (json: JsonSchema): JsonSchema[] =>
  branchesOf(json).flatMap((branch) => {
    if (branch["type"] === "array") return objectsIn((branch["items"] ?? {}) as JsonSchema);
    return branch["properties"] && !isRange(branch) ? [branch] : [];
  });

const isList = (json: JsonSchema): boolean => branchesOf(json).some((branch) => branch["type"] === "array");

/** A property that several shapes of one mapping have is told once. */
const sectionOf = (path: string, objects: readonly JsonSchema[]): Section => {
  const properties: Record<string, JsonSchema> = {};
  for (const object of objects) {
    for (const [key, property] of Object.entries(object["properties"] as Record<string, JsonSchema>)) {
      const known = properties[key];
      const isTag = known?.["const"] !== undefined && property["const"] !== undefined;
      properties[key] = isTag
        ? { ...known, const: undefined, enum: [known["const"], property["const"]] }
        : known && Array.isArray(known["enum"]) && property["const"] !== undefined
          ? { ...known, enum: [...(known["enum"] as unknown[]), property["const"]] }
          : (known ?? property);
    }
  }
  const required = Object.keys(properties).filter((key) =>
    objects.every((object) => ((object["required"] ?? []) as string[]).includes(key)),
  );
  return { path, properties, required };
};

const sectionsOf = (path: string, json: JsonSchema): Section[] => {
  const objects = objectsIn(json);
  if (objects.length === 0) return [];
  const section = sectionOf(path, objects);
  const inner = Object.entries(section.properties).flatMap(([key, property]) => {
    const name = `${path === "" ? "" : `${path}.`}${key}${isList(property) ? "[]" : ""}`;
    return sectionsOf(name, property);
  });
  return [section, ...inner];
};

const code = (value: unknown): string => {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return `\`${text.replaceAll("|", "\\|")}\``;
};

/** A default as it may be written. */
const defaultText = (property: JsonSchema, isRequired: boolean): string => {
  if (isRequired) return "required";
  const value = property["default"];
  if (value === undefined) return "";
  const isEmpty = typeof value === "object" && value !== null && Object.keys(value).length === 0;
  if (isEmpty) return "";
  const { min, max } = value as { min?: unknown; max?: unknown };
  if (min !== undefined || max !== undefined) return code(min === max ? min : `${min ?? ""}..${max ?? ""}`);
  // Made of the defaults of its own section.
  return typeof value === "object" ? "see below" : code(value);
};

/** From the page's example, else from the type. */
const exampleText = (section: Section, [key, property]: [string, JsonSchema], document: unknown): string => {
  const path = section.path === "" ? [] : section.path.replaceAll("[]", ".0").split(".");
  const written = at(
    document,
    [...path, key].map((part) => (/^\d+$/.test(part) ? Number(part) : part)),
  );
  const short = written !== undefined && JSON.stringify(written).length < 60 ? [written] : [];
  const sample = sampleOf(section.path, key);
  const known = branchesOf(property).flatMap(
    (branch) => (branch["examples"] ?? branch["enum"] ?? []) as unknown[],
  );
  const isBoolean = branchesOf(property).some(({ type }) => type === "boolean" || type === undefined);
  const samples = sample === undefined ? [] : [sample];
  const [example] = [...((property["examples"] ?? []) as unknown[]), ...short, ...samples, ...known];
  if (example !== undefined && example !== 0) return code(example);
  return isBoolean && property["title"] === "true or false" ? code(true) : "";
};

const row = (section: Section, [key, property]: [string, JsonSchema], document: unknown): string => {
  const cells = [
    `\`${key}\``,
    typeText(property),
    defaultText(property, section.required.includes(key)),
    exampleText(section, [key, property], document),
    String(property["description"] ?? ""),
  ];
  return `| ${cells.join(" | ")} |`;
};

const table = (section: Section, document: unknown): string =>
  [
    "| property | type | default | example | what it is |",
    "|---|---|---|---|---|",
    ...Object.entries(section.properties).map((entry) => row(section, entry, document)),
  ].join("\n");

/** The page of one kind of file, in Markdown. */
export const renderPage = (kind: Exclude<FileKind, "configuration">): string => {
  const json = fileSchema(kind);
  const example = EXAMPLES[kind];
  const document = parseYaml(example).value;
  const [whole, ...inner] = sectionsOf("", json);
  return [
    `# ${String(json["title"])}`,
    "<!-- Made by `bun run docs` from the schemas in shared/config. -->",
    `\`\`\`yaml\n${example}\`\`\``,
    whole ? table(whole, document) : "",
    ...inner.flatMap((section) => [`## \`${section.path}\``, table(section, document)]),
  ]
    .join("\n\n")
    .concat("\n");
};
