import { accepts } from "../schema/form.ts";
import { type Finding, Refusal, refuse } from "../schema/refusal.ts";
import { isMapping, nounOf, quote } from "../schema/scalar.ts";

const TAGS = {
  title: "mapping",
  type: "object",
  propertyNames: { pattern: "^[\\w-]{1,60}$" },
  additionalProperties: { type: "string", pattern: "^[a-zA-Z0-9 .:/=_+@-]{0,256}$" },
  examples: [{ team: "vision" }],
};

/** docs/spec/http-api.md §1.6 */
export const parseTags = accepts(TAGS, (input: unknown): Record<string, string> => {
  if (!isMapping(input)) return refuse("wrong_type", `Expected a mapping of tags, got ${nounOf(input)}`);
  const findings: Finding[] = [];
  for (const [key, value] of Object.entries(input)) {
    if (typeof value !== "string") {
      findings.push({
        kind: "wrong_type",
        message: `Expected text (quote it), got ${nounOf(value)}`,
        path: [key],
      });
    } else if (!/^[\w-]{1,60}$/.test(key)) {
      const message = `The tag name ${quote(key)} is not 1 to 60 letters, digits, "_" or "-"`;
      findings.push({ kind: "invalid_value", message, path: [] });
    } else if (!/^[a-zA-Z0-9 .:/=_\-+@]{0,256}$/.test(value)) {
      const message = `The tag ${key} is not up to 256 letters, digits, spaces and . : / = _ - + @`;
      findings.push({ kind: "invalid_value", message, path: [] });
    }
  }
  if (findings.length > 0) throw new Refusal(findings);
  return input as Record<string, string>;
});
