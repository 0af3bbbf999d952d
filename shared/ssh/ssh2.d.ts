import type { Duplex } from "node:stream";

declare module "ssh2" {
  interface Server {
    /** It speaks over any stream; its types only name those of `net`. */
    injectSocket(stream: Duplex): void;
  }

  /** What a server needs to open a channel that the library only opens for clients (1.17): an agent's, `ssh -A`. */
  interface Connection {
    _chanMgr: { add(opened: AgentOpened): number };
    _protocol: { openssh_authAgent(channel: number, window: number, largestPacket: number): void };
  }

  interface AgentOpened {
    (err: Error | undefined, channel: ServerChannel): void;
    type: "auth-agent@openssh.com";
  }
}
