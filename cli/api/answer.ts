import { AppError } from "../../shared/errors.ts";

/** Throws `Misfit` for a value that is not as it must be. */
type Check = (value: unknown, path: string) => void;

/**
 * An answer of the server, with a check of what this client relies on, and no more. The models in `shared/api` are for
 * whoever takes in what others write: built for one answer, they cost a command more time than all it has to do, and
 * their configurations refuse the properties of newer servers.
 */
export interface Answer<T> {
  readonly check: Check;
  /** Only the type is of interest. */
  readonly of?: T;
}

export const answerOf = <T>(check: Check): Answer<T> => ({ check });

class Misfit extends Error {
  override readonly name = "Misfit";
}

const misfit = (path: string, expected: string): never => {
  throw new Misfit(`expected ${expected}${path === "" ? "" : ` at ${path.slice(1)}`}`);
};

export const isText: Check = (value, path) => {
  if (typeof value !== "string") misfit(path, "text");
};

export const isNumber: Check = (value, path) => {
  if (typeof value !== "number") misfit(path, "a number");
};

/** An object with at least these keys. */
export const hasKeys =
  (checks: Readonly<Record<string, Check>> = {}): Check =>
  (value, path) => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return misfit(path, "an object");
    for (const [key, check] of Object.entries(checks))
      check((value as Record<string, unknown>)[key], `${path}.${key}`);
  };

export const isListOf =
  (check: Check): Check =>
  (value, path) => {
    if (!Array.isArray(value)) return misfit(path, "a list");
    for (const [at, each] of value.entries()) check(each, `${path}.${at}`);
  };

export const isNullOr =
  (check: Check): Check =>
  (value, path) => {
    if (value !== null && value !== undefined) check(value, path);
  };

/** The answer, if it is one that this client understands; throws `unsupported` else. */
export const understand = <T>({ check }: Answer<T>, value: unknown, url: string): T => {
  try {
    check(value, "");
  } catch (err) {
    if (!(err instanceof Misfit)) throw err;
    throw new AppError("unsupported", `Cannot understand the answer of ${url}: ${err.message}`, {
      hint: "Is this a dstack server? It may be of another version than this client",
    });
  }
  return value as T;
};
