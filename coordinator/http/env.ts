import type { Logger } from "../../shared/log.ts";
import type { SocketOwner } from "../relay/sockets.ts";
import type { ClientVersion } from "./clientVersion.ts";

/** What the server gives with each request. */
interface ServerBindings {
  /** The connection may be silent for as long as it likes. */
  keepOpen?: () => void;
  /** The address that the request comes from; behind a proxy that is not trusted, the proxy's. */
  peer?: () => string | undefined;
  /** Makes the connection a WebSocket, whose it is from then on. False: it was not asked for one. */
  upgrade?: (owner: SocketOwner) => boolean;
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
