import type { z } from "zod";
import { isMapping, nounOf } from "../schema/scalar.ts";
import { parseYaml, YamlSyntaxError } from "../yaml/parse.ts";
import { AnyConfiguration } from "./configuration.ts";
import { ConfigurationError, type Problem } from "./problems.ts";
import { problemsOf } from "./schemaProblems.ts";

interface Source {
  /** How messages call the file. */
  path: string;
}

/** Throws `ConfigurationError` for what is not YAML. */
export const readYaml = (text: string, path: string) => {
  try {
    return parseYaml(text);
  } catch (err) {
    if (!(err instanceof YamlSyntaxError)) throw err;
    const { message, position } = err;
    const problem: Problem = { kind: "yaml_syntax", path: [], message, value: undefined, position };
    throw new ConfigurationError([problem], path, text);
  }
};

/** Throws `ConfigurationError` with every mistake and its place. */
export const loadYamlAs = <S extends z.ZodType>(schema: S, text: string, { path }: Source): z.output<S> => {
  const { value, locate } = readYaml(text, path);
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new ConfigurationError(problemsOf(result.error, value, locate), path, text);
};

/**
 * What a `*.dstack.yml` says. Throws `ConfigurationError` with every mistake and its place, whatever the text
 * is.
 */
export const loadConfiguration = (text: string, { path }: Source): AnyConfiguration => {
  const { value, locate } = readYaml(text, path);
  if (!isMapping(value)) {
    const message = `Expected a mapping with the property type, got ${nounOf(value)}`;
    const position = locate([]);
    throw new ConfigurationError([{ kind: "wrong_type", path: [], message, value, position }], path, text);
  }
  const result = AnyConfiguration.safeParse(value);
  if (result.success) return result.data;
  throw new ConfigurationError(problemsOf(result.error, value, locate), path, text);
};
