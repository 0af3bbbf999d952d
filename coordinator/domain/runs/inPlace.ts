import type { RunSpec } from "../../../shared/api/runs.ts";

/** What of a task may change while it runs (docs/spec/http-api.md §2.6); `files` only says where archives came from. */
const SPEC_KEYS: ReadonlySet<string> = new Set(["configuration_path"]);
const CONFIGURATION_KEYS: ReadonlySet<string> = new Set(["priority", "files"]);

/** As it would be on the wire, where what is undefined is not there. */
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value ?? null));

const differingKeys = (a: object, b: object): string[] =>
  [...new Set([...Object.keys(a), ...Object.keys(b)])].filter(
    (key) => !Bun.deepEquals(plain(Reflect.get(a, key)), plain(Reflect.get(b, key))),
  );

export const isSameSpec = (a: RunSpec, b: RunSpec): boolean => differingKeys(a, b).length === 0;

/** Can the run go on as it is, with the new spec in place of its own? Both with the server's defaults. */
export const isUpdatableInPlace = (current: RunSpec, wanted: RunSpec): boolean =>
  differingKeys(current, wanted).every(
    (key) =>
      SPEC_KEYS.has(key) ||
      (key === "configuration" &&
        differingKeys(current.configuration, wanted.configuration).every((property) =>
          CONFIGURATION_KEYS.has(property),
        )),
  );
