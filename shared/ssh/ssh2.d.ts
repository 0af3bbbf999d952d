import type { Duplex } from "node:stream";

declare module "ssh2" {
  interface Server {
    /** It speaks over any stream; its types only name those of `net`. */
    injectSocket(stream: Duplex): void;
  }
}
