import type { Logger } from "../../shared/log.ts";
import type { ClientVersion } from "./clientVersion.ts";

/** What the server gives with each request. */
interface ServerBindings {
  /** The connection may be silent for as long as it likes. */
  keepOpen?: () => void;
}

/** What middleware leaves for the handlers. */
export interface AppEnv {
  Bindings: ServerBindings;
  Variables: {
    requestId: string;
    /** Writes the request id with every line. */
    log: Logger;
    clientVersion: ClientVersion;
    /** Who called, once known; for the access log. */
    username: string;
  };
}
