import type { MiddlewareHandler } from "hono";
import { bodyLimit } from "hono/body-limit";
import type { AppEnv } from "../env.ts";
import { plainError, Refused } from "../errorAnswer.ts";

/** Far above any plan that people write: files do not come as JSON. */
const MAX_JSON_BYTES = 4 * 1024 * 1024;

/** Also counts bodies that do not tell their length. */
export const jsonBodyLimit = (maxBytes = MAX_JSON_BYTES): MiddlewareHandler<AppEnv> =>
  bodyLimit({
    maxSize: maxBytes,
    onError: () => {
      throw new Refused(plainError(413, `The request body exceeds the limit of ${maxBytes} bytes`));
    },
  });
