import type { z } from "zod";
import { field, object, optionalField } from "../schema/field.ts";
import { type Finding, Refusal, refuse } from "../schema/refusal.ts";
import {
  IntegralFloat,
  integerBetween,
  integerOf,
  isMapping,
  nounOf,
  parseInteger,
  quote,
} from "../schema/scalar.ts";

const parsePort = integerBetween(1, 65_535);

const shape = { local_port: optionalField(parsePort), container_port: field(parsePort) };

const isPort = (port: number) => port >= 1 && port <= 65_535;

/** Both ends are checked, so that a bad number is reported for each end it stands for. */
const checked = (local_port: number | null, container_port: number) => {
  const findings: Finding[] = [];
  for (const [key, port] of Object.entries({ local_port, container_port })) {
    if (port !== null && !isPort(port)) {
      findings.push({
        kind: "out_of_range",
        message: `Expected a port from 1 to 65535, got ${port}`,
        path: [key],
      });
    }
  }
  if (findings.length > 0) throw new Refusal(findings);
  return { local_port, container_port };
};

const FORMS = 'expected a port like 8000, "80:8000" or "*:8000"';

const ofText = (text: string): unknown => {
  const [, local, container] = /^(?:(\p{Nd}+|\*):)?(\p{Nd}+)$/u.exec(text) ?? [];
  if (container === undefined) {
    return refuse(
      text === "" || text.endsWith(":") ? "wrong_type" : "invalid_value",
      `Cannot read ${quote(text)}: ${FORMS}`,
    );
  }
  const port = integerOf(container) ?? 0;
  return checked(local === undefined ? port : local === "*" ? null : (integerOf(local) ?? 0), port);
};

const NUMBER = { minimum: 1, maximum: 65_535 };
const SHORTHAND = {
  title: "port",
  type: ["integer", "string", "boolean"],
  ...NUMBER,
  pattern: "^((\\d+|\\*):)?\\d+$",
  examples: ["8000", "80:8000", "*:8000"],
};
const about = {
  local_port: "The port of the client. Null: any that is free.",
  container_port: "The port of the container.",
};

/** `8000`, `"80:8000"`, `"*:8000"` (any free local port) or `{local_port, container_port}`. */
export const Port = object(shape, {
  about,
  shorthand: SHORTHAND,
  from: (input) => {
    if (isMapping(input)) return input;
    if (typeof input === "string") return ofText(input);
    if (typeof input === "boolean" || (typeof input === "number" && Number.isInteger(input))) {
      return checked(Number(input), Number(input));
    }
    return refuse("wrong_type", `Got ${nounOf(input)}: ${FORMS}`);
  },
});
export type Port = z.infer<typeof Port>;

/** Text that parses to this port. */
export const printPort = ({ local_port, container_port }: Port): string =>
  `${local_port ?? "*"}:${container_port}`;

const parseServicePort = (input: unknown): unknown => {
  if (isMapping(input)) return input;
  const [, local, container] = (typeof input === "string" && /^(\d+):(\d+)$/.exec(input)) || [];
  if (local !== undefined && container !== undefined) {
    return checked(integerOf(local) ?? 0, integerOf(container) ?? 0);
  }
  const isText = typeof input === "string";
  const isNumber = typeof input === "number" || typeof input === "boolean" || input instanceof IntegralFloat;
  if (isText ? !/^\s*[+-]?\d/.test(input) : !isNumber) {
    const kind = typeof input === "string" ? "invalid_value" : "wrong_type";
    return refuse(kind, `Got ${nounOf(input)}: expected the port of the service, like 8000 or "80:8000"`);
  }
  const port = parseInteger(input);
  if (!isPort(port)) return refuse("out_of_range", `Expected a port from 1 to 65535, got ${port}`);
  return { local_port: 80, container_port: port };
};

/** The port of a service; only its container port is used. A single number stands for 80 on the outside. */
export const ServicePort = object(shape, {
  about,
  shorthand: { ...SHORTHAND, pattern: "^\\s*(\\d+:)?\\d+\\s*$", examples: ["8000", "80:8000"] },
  from: parseServicePort,
});
