import type { Logger } from "../../shared/log.ts";
import type { ClientVersion } from "./clientVersion.ts";

/** What middleware leaves for the handlers. */
export interface AppEnv {
  Variables: {
    requestId: string;
    /** Writes the request id with every line. */
    log: Logger;
    clientVersion: ClientVersion;
    /** Who called, once known; for the access log. */
    username: string;
  };
}
