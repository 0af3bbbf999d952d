import type { z } from "zod";
import { field, object } from "../schema/field.ts";
import { accepts, TEXT } from "../schema/form.ts";
import { refuse } from "../schema/refusal.ts";
import { isMapping, parseText, quote } from "../schema/scalar.ts";
import { refuseShape } from "../schema/union.ts";
import { splitPaths } from "./repos.ts";

const isWindowsPath = (path: string) => /^[a-zA-Z]:[\\/]/.test(path);

const parseTarget = accepts(TEXT, (input: unknown): string => {
  const path = parseText(input);
  if (isWindowsPath(path)) {
    return refuse("invalid_value", `The path in the container cannot begin with a drive: ${quote(path)}`);
  }
  return path;
});

const ofText = (text: string): unknown => {
  const [local_path = "", path = local_path, ...more] = splitPaths(text);
  if (more.length > 0 || (path === "" && text !== "") || isWindowsPath(path)) {
    return refuse("invalid_value", `Expected a path, and after ":" where to put it, got ${quote(text)}`);
  }
  return { local_path, path };
};

/** `local`, `local:path` or `{local_path, path}`. */
export const FileMapping = object(
  { local_path: field(parseText), path: field(parseTarget) },
  {
    shorthand: {
      title: "file",
      type: "string",
      pattern: "^[^:]*(:[^:]+|:[\\\\/][^:]*(:[^:]+)?)?$",
      examples: ["conf.json", "conf.json:/etc/app/conf.json"],
    },
    about: {
      local_path: "A file or folder here; relative to the configuration's folder.",
      path: "Where it is in the container; relative to the working directory.",
    },
    from: (input) =>
      isMapping(input)
        ? input
        : typeof input === "string"
          ? ofText(input)
          : refuseShape("a path like conf.json or conf.json:/etc/conf.json", input),
  },
);
export type FileMapping = z.infer<typeof FileMapping>;

/** Text that parses to this mapping. */
export const printFile = ({ local_path, path }: FileMapping): string => `${local_path}:${path}`;
