import { z } from "zod";
import { field, object, optionalField } from "../schema/field.ts";
import { accepts, TEXT } from "../schema/form.ts";
import { refuse } from "../schema/refusal.ts";
import { isMapping, parseText, quote } from "../schema/scalar.ts";
import { refuseShape } from "../schema/union.ts";

/** Splits on `:`, but keeps a Windows drive (`C:\code`) together. */
export const splitPaths = (text: string): string[] => {
  const [first = "", second, ...rest] = text.split(":");
  if (second !== undefined && /^[a-zA-Z]$/.test(first) && /^[\\/]/.test(second))
    return [`${first}:${second}`, ...rest];
  return second === undefined ? [first] : [first, second, ...rest];
};

const ofText = (text: string): unknown => {
  const [first = "", second, ...rest] = text.split(":");
  const isUrl = first.includes("@") || second?.startsWith("//") === true;
  const parts = isUrl ? [second === undefined ? first : `${first}:${second}`, ...rest] : splitPaths(text);
  const [source = "", path] = parts;
  if (source === "" || parts.length > 2) {
    return refuse(
      "invalid_value",
      `Expected a folder or URL, and after ":" where to put it, got ${quote(text)}`,
    );
  }
  return { [isUrl ? "url" : "local_path"]: source, ...(path === undefined ? {} : { path }) };
};

/** `~` alone is the job user's home; homes of others are not supported. */
const parseContainerPath = accepts({ ...TEXT, pattern: "^([^~]|~(/|$))|^$" }, (input: unknown): string => {
  const path = parseText(input);
  if (/^~[^/]/.test(path))
    return refuse("unsupported", `Homes of other users are not supported: ${quote(path)}`);
  return path;
});

/** docs/spec/configuration.md §1.5, `repos[]` */
export const RepoSpec = object(
  {
    local_path: optionalField(parseText),
    url: optionalField(parseText),
    branch: optionalField(parseText),
    hash: optionalField(parseText),
    path: field(parseContainerPath).default("."),
    if_exists: z.enum(["error", "skip"]).default("error"),
  },
  {
    shorthand: {
      title: "repo",
      type: "string",
      minLength: 1,
      examples: [".", "https://github.com/org/app", "git@host:org/app.git:~/src"],
    },
    about: {
      local_path: "A checkout here; relative to the configuration's folder. Either this or `url`.",
      url: "Where to clone from. Either this or `local_path`.",
      branch: "The branch to check out. Of a local checkout its own is taken.",
      hash: "The commit to check out. Of a local checkout its own is taken.",
      path: "Where it is in the container; relative to the working directory.",
      if_exists: "What to do when the folder there is not empty: `error`, or `skip` the checkout.",
    },
    from: (input) =>
      isMapping(input)
        ? input
        : typeof input === "string"
          ? ofText(input)
          : refuseShape("a folder, a URL or a mapping", input),
    rules: ({ local_path, url }, report) => {
      if (local_path !== null && url !== null) report("conflict", "Give either local_path or url, not both");
      if (!local_path && !url) report("missing", "Give local_path or url");
    },
  },
);
export type RepoSpec = z.infer<typeof RepoSpec>;
