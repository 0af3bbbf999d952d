import type { JsonSchema } from "../../shared/schema/form.ts";

export const branchesOf = (json: JsonSchema): JsonSchema[] => {
  const branches = (json["anyOf"] ?? []) as JsonSchema[];
  return branches.length === 0 ? [json] : branches.flatMap(branchesOf);
};

const isNull = (json: JsonSchema): boolean => json["type"] === "null";

/** Enums whose every value is written down; versions have a text for each number. */
const wordsOf = (json: JsonSchema): string[] =>
  json["const"] !== undefined
    ? [`\`${String(json["const"])}\``]
    : ((json["enum"] ?? []) as unknown[])
        .filter((value) => typeof value === "string")
        .map((value) => `\`${value}\``);

const plainType = (json: JsonSchema): string => {
  const words = wordsOf(json);
  if (words.length > 0) return words.join(", ");
  if (json["type"] === "array") {
    return `list of ${json["items"] ? typeText(json["items"] as JsonSchema) : "values"}`;
  }
  if (json["type"] === "object") return "mapping";
  return typeof json["title"] === "string" ? json["title"] : String(json["type"] ?? "value");
};

/** How a page calls the type of a property. */
export const typeText = (json: JsonSchema): string => {
  const enumeration = wordsOf(json);
  if (enumeration.length > 0) return enumeration.join(", ");
  const branches = (json["anyOf"] ?? []) as JsonSchema[];
  const title = json["title"];
  if (branches.length === 0) return plainType(json);
  const hasMapping = branchesOf(json).some((branch) => branch["properties"] && !isRange(branch));
  const texts = branches.filter((branch) => !isNull(branch)).map(typeText);
  if (typeof title === "string") {
    // A title may stand for a closed choice, which says more.
    const [only, ...others] = texts;
    if (only?.startsWith("`") && others.length === 0) return only;
    return hasMapping && !/mapping/.test(title) ? `${title}, or mapping` : title;
  }
  return [...new Set(texts)].join(", or ");
};

/** A range as a mapping needs no section of its own. */
export const isRange = (json: JsonSchema): boolean =>
  Object.keys((json["properties"] ?? {}) as object).join() === "min,max";
