import { AppError } from "../../shared/errors.ts";
import { suggest } from "../../shared/schema/suggest.ts";

/** The names there are would be nice to know, but nobody waits long for a hint. */
const PATIENCE_MS = 1_000;

/** That something is not there and, if something of nearly that name is, which. */
export const missing = async (
  message: string,
  name: string | undefined,
  listNames: (signal: AbortSignal) => Promise<readonly (string | null)[]>,
): Promise<AppError> => {
  const meant = name === undefined ? undefined : suggest(name, await namesOf(listNames));
  return new AppError("not_found", message, meant === undefined ? {} : { hint: `Did you mean ${meant}?` });
};

const namesOf = async (
  listNames: (signal: AbortSignal) => Promise<readonly (string | null)[]>,
): Promise<string[]> => {
  try {
    return (await listNames(AbortSignal.timeout(PATIENCE_MS))).filter((each) => each !== null);
  } catch {
    // What has been found out is that the thing is not there; a hint that cannot be had takes nothing from it.
    return [];
  }
};
