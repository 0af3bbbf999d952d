import type { z } from "zod";
import { field, object, optionalField } from "../schema/field.ts";
import { accepts, TEXT } from "../schema/form.ts";
import { refuse } from "../schema/refusal.ts";
import { BOOLEAN, booleanOf, integerBetween, isMapping, parseText, quote } from "../schema/scalar.ts";
import { oneShape, refuseShape } from "../schema/union.ts";

const toMapping = (input: unknown): unknown => {
  if (isMapping(input)) return input;
  const text = parseText(input);
  const parts = text.split("/");
  if (parts.length > 2 || parts.includes("")) {
    return refuse("invalid_value", `Expected a name or project/name, got ${quote(text)}`);
  }
  return parts.length === 2 ? { project: parts[0], name: parts[1] } : { name: text };
};

/** A fleet or gateway, here or in another project: `name` or `project/name`. */
export const EntityReference = object(
  { project: optionalField(parseText), name: field(parseText) },
  {
    from: toMapping,
    shorthand: {
      title: "name",
      type: ["string", "number"],
      pattern: "^[^/]+(/[^/]+)?$",
      examples: ["lab", "team/lab"],
    },
    about: { project: "The project it is in; unset, the run's own.", name: "Its name." },
  },
);
export type EntityReference = z.infer<typeof EntityReference>;

/** Text that parses to this reference. */
export const printReference = ({ project, name }: EntityReference): string =>
  project === null ? name : `${project}/${name}`;

/** The gateway of a service: one by name, the default one (true) or none (false). Words like "on" are never names. */
export const GatewayChoice = oneShape(
  [
    field(
      accepts(
        BOOLEAN,
        (input: unknown) => booleanOf(input) ?? refuseShape("true, false or a gateway", input),
      ),
    ),
    EntityReference,
  ],
  (input) => (booleanOf(input) === undefined ? 1 : 0),
);

const NON_EMPTY = { title: "text", type: "string", minLength: 1 };

const parseNonEmpty = accepts(
  { ...TEXT, minLength: 1 },
  (input: unknown): string =>
    parseText(input) || refuse("invalid_value", "Expected a name, got an empty one"),
);

const ByName = object(
  { name: field(parseNonEmpty) },
  {
    shorthand: NON_EMPTY,
    about: { name: "Its name, like `lab-0`." },
    from: (input) =>
      typeof input === "string"
        ? { name: input }
        : isMapping(input)
          ? input
          : refuse("wrong_type", `Expected an instance's name or a mapping, got ${quote(input)}`),
  },
);
const ByHostname = object(
  { hostname: field(parseNonEmpty) },
  { about: { hostname: "The host's name or address." } },
);
/** A number is no name here. */
const InstanceFleet = oneShape(
  [
    EntityReference,
    field(
      accepts({ not: {} }, (input: unknown) =>
        refuse("wrong_type", `Expected a fleet's name or a mapping, got ${quote(input)}`),
      ),
    ),
  ],
  (input) => (typeof input === "string" || isMapping(input) || input === undefined ? 0 : 1),
);

const ByNumber = object(
  { fleet: InstanceFleet, instance: field(integerBetween(0)) },
  { about: { fleet: "The fleet it is in.", instance: "Its number there." } },
);

/** An existing instance: its name, `{hostname}`, or `{fleet, instance}`. */
export const InstanceSelector = oneShape([ByName, ByHostname, ByNumber], (input) => {
  if (!isMapping(input)) return 0;
  if ("fleet" in input || "instance" in input) return 2;
  return "hostname" in input && !("name" in input) ? 1 : 0;
});
export type InstanceSelector = z.infer<typeof InstanceSelector>;
