import { join } from "node:path";
import { z } from "zod";
import { AppError } from "../errors.ts";
import { object } from "../schema/field.ts";
import { loadYamlAs } from "./load.ts";
import { Profile } from "./profile.ts";

/** `.dstack/profiles.yml` */
export const ProfilesFile = object(
  { profiles: z.array(Profile) },
  { about: { profiles: "Profiles; a run uses the one it asks for, else the default one." } },
);

/** What a `profiles.yml` says. Throws `ConfigurationError`. */
export const loadProfiles = (text: string, { path }: { path: string }): Profile[] =>
  loadYamlAs(ProfilesFile, text, { path }).profiles;

/** Which profile the user asks for. */
export interface ProfileWish {
  /** `--profile` */
  name?: string | undefined;
  /** `--no-profile` */
  none?: boolean | undefined;
  env: Readonly<Record<string, string | undefined>>;
  cwd: string;
  home: string;
}

const NO_PROFILE = "DSTACK_NO_PROFILE";

const isSwitchedOff = (value: string | undefined): boolean => {
  const word = value?.toLowerCase();
  if (word === undefined || word === "0" || word === "false" || word === "off") return false;
  if (word === "1" || word === "true" || word === "on") return true;
  throw new AppError("invalid", `Invalid bool value: ${NO_PROFILE}=${value}`);
};

const readProfiles = async (folder: string): Promise<Profile[]> => {
  for (const name of ["profiles.yml", "profiles.yaml"]) {
    const path = join(folder, ".dstack", name);
    const file = Bun.file(path);
    if (await file.exists()) return loadProfiles(await file.text(), { path });
  }
  return [];
};

/**
 * The profile for a run: of the working directory's profiles, else of the user's own; null if none is chosen
 * (docs/spec/configuration.md §8). Throws `AppError` for a name that is in neither, and for a file that is wrong.
 */
export const findProfile = async ({ name, none, env, cwd, home }: ProfileWish): Promise<Profile | null> => {
  if (none || (name === undefined && isSwitchedOff(env[NO_PROFILE]))) return null;
  const wanted = name ?? env["DSTACK_PROFILE"];
  for (const folder of [cwd, home]) {
    const profiles = await readProfiles(folder);
    const isMeant = (profile: Profile) => (wanted === undefined ? profile.default : profile.name === wanted);
    const found = profiles.find(isMeant);
    if (found) return found;
  }
  if (wanted === undefined) return null;
  throw new AppError("not_found", `No such profile: ${wanted}`, {
    hint: "Profiles stand in .dstack/profiles.yml of this folder or of your home",
  });
};
