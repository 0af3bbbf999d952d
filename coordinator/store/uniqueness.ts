import { AppError } from "../../shared/errors.ts";

/** Does any error in the chain say that a unique index refused the row? */
export const isUniqueViolation = (err: unknown): boolean => {
  for (let cause = err; cause instanceof Error; cause = cause.cause) {
    const { code } = cause as { code?: unknown };
    if (code === "SQLITE_CONSTRAINT_UNIQUE" || code === "SQLITE_CONSTRAINT_PRIMARYKEY") return true;
  }
  return false;
};

/** Runs an insert; what a unique index refuses becomes `exists` with this message. */
export const unlessTaken = async <T>(message: string, insert: PromiseLike<T>): Promise<T> => {
  try {
    return await insert;
  } catch (cause) {
    if (isUniqueViolation(cause)) throw new AppError("exists", message, { cause });
    throw cause;
  }
};
