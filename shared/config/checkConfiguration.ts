import type { Path } from "../schema/refusal.ts";
import { quote } from "../schema/scalar.ts";
import { checkFleet } from "./checkFleet.ts";
import { checkGateway } from "./checkGateway.ts";
import { noteRunProblems } from "./checkRun.ts";
import { checkVolume } from "./checkVolume.ts";
import type { AnyConfiguration } from "./configuration.ts";
import { isResourceName, NAME_RULE } from "./names.ts";
import type { Note } from "./problems.ts";
import type { Placement } from "./profile.ts";

const checkName = (name: string | null, path: Path, note: Note) => {
  // The server makes up a name where none is given.
  if (name === null || isResourceName(name)) return;
  note("invalid_value", path, `The name ${quote(name)} is not ${NAME_RULE}`);
};

/**
 * What the server refuses of a configuration for its own sake, whatever there is in the project: all that can be said
 * of a file without a server, after its schema has passed.
 */
export const checkConfiguration = (
  configuration: AnyConfiguration,
  profile: Placement | null,
  note: Note,
) => {
  checkName(configuration.name, ["name"], note);
  switch (configuration.type) {
    case "fleet":
      return checkFleet(configuration, note);
    case "volume":
      return checkVolume(configuration, note);
    case "gateway":
      return checkGateway(configuration, note);
    case "preset":
      return;
    default:
      return noteRunProblems(configuration, profile, note);
  }
};
