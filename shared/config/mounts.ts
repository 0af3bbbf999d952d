import type { z } from "zod";
import { field, object } from "../schema/field.ts";
import { accepts, either, listOf, reference, TEXT } from "../schema/form.ts";
import { refuse, under } from "../schema/refusal.ts";
import { isMapping, parseBoolean, parseText, quote } from "../schema/scalar.ts";
import { oneShape, refuseShape } from "../schema/union.ts";

/** Absolute, without `..`; repeated and trailing slashes and `.` go. */
const parsePath = accepts(
  { title: "absolute path", type: "string", pattern: "^/" },
  (input: unknown): string => {
    const path = parseText(input);
    const parts = path.split("/");
    if (!path.startsWith("/"))
      return refuse("invalid_value", `Expected an absolute path, got ${quote(path)}`);
    if (parts.includes("..")) return refuse("invalid_value", `The path ${quote(path)} must not contain ".."`);
    return `/${parts.filter((part) => part !== "" && part !== ".").join("/")}`;
  },
);

const parseNames = accepts(either("text or list", TEXT, listOf(TEXT)), (input: unknown): string | string[] =>
  Array.isArray(input) ? input.map((item, index) => under([index], () => parseText(item))) : parseText(input),
);

const toMapping = (input: unknown): unknown => {
  if (isMapping(input)) return input;
  if (typeof input !== "string") return refuseShape("a mount like data:/data or /host:/data", input);
  const [source, path, ...more] = input.split(":");
  if (source === undefined || path === undefined || more.length > 0) {
    return refuse("invalid_value", `Expected a mount like data:/data or /host:/data, got ${quote(input)}`);
  }
  return source.includes("/") ? { instance_path: source, path } : { name: source, path };
};

const SHORTHAND = {
  title: "mount",
  type: "string",
  pattern: "^[^:]*:/[^:]*$",
  examples: ["data:/data", "/mnt/cache:/cache"],
};

/** A network volume; of several names, whichever fits the place the job runs at. */
const VolumeMount = object(
  { name: field(parseNames), path: field(parsePath) },
  {
    from: toMapping,
    shorthand: SHORTHAND,
    about: {
      name: `The volume; of several, whichever fits the place the job runs at. May refer to ${reference("dstack.node_rank")}.`,
      path: "Where it is in the container.",
    },
  },
);

/** A folder of the host. */
const InstanceMount = object(
  { instance_path: field(parsePath), path: field(parsePath), optional: field(parseBoolean).default(false) },
  {
    from: toMapping,
    about: {
      instance_path: "A folder of the host.",
      path: "Where it is in the container.",
      optional: "Whether the job may run where the folder cannot be mounted.",
    },
  },
);

/** docs/spec/configuration.md §1.5, `volumes[]` */
export const Mount = oneShape([VolumeMount, InstanceMount], (input) => {
  if (typeof input === "string") return /^[^:]*\//.test(input) ? 1 : 0;
  return isMapping(input) && !("name" in input) && "instance_path" in input ? 1 : 0;
});
export type Mount = z.infer<typeof Mount>;

/** Text that parses to this mount; undefined where there is none: several names, or one that may be missing. */
export const printMount = (mount: Mount): string | undefined => {
  if (!("name" in mount)) return mount.optional ? undefined : `${mount.instance_path}:${mount.path}`;
  return typeof mount.name === "string" ? `${mount.name}:${mount.path}` : undefined;
};
