import { RESOURCE_NAME } from "../../../shared/api/scalars.ts";
import type { Note } from "../../../shared/config/problems.ts";
import { AppError } from "../../../shared/errors.ts";

/** Refuses (`invalid`) a name that cannot be one, and the first thing that a check of the language notes. */
export const checkConfigured = <C extends { name: string | null }>(
  configuration: C,
  check: (configuration: C, note: Note) => void,
): void => {
  if (configuration.name !== null && !RESOURCE_NAME.test(configuration.name))
    throw new AppError("invalid", `Resource name should match regex '${RESOURCE_NAME.source}'`);
  check(configuration, (_kind, path, message) => {
    throw new AppError("invalid", path.length > 0 ? `${path.join(".")}: ${message}` : message);
  });
};
