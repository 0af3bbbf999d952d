import { accepts, OPTIONAL, TEXT } from "../schema/form.ts";
import { refuse } from "../schema/refusal.ts";
import { parseText, quote } from "../schema/scalar.ts";

/** Names of runs, fleets, volumes and gateways; checked by the server (docs/spec/http-api.md §1.6). */
export const isResourceName = (name: string): boolean => /^[a-z][a-z0-9-]{1,40}$/.test(name);

export const NAME_RULE = "2 to 41 of a-z, 0-9 and -, beginning with a letter";

/** Names of node and replica groups. */
const GROUP_NAME = { ...TEXT, title: "name", pattern: "^[a-z0-9][a-z0-9-]{0,39}$", [OPTIONAL]: true };

export const parseGroupName = accepts(GROUP_NAME, (input: unknown): string => {
  const name = parseText(input);
  if (/^[a-z0-9][a-z0-9-]{0,39}$/.test(name)) return name;
  return refuse(
    "invalid_value",
    `The group name ${quote(name)} is not 1 to 40 of a-z, 0-9 and -, beginning with a letter or digit`,
  );
});
