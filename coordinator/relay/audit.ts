import type { Destination, Holder } from "./holder.ts";

/** What a stream has moved, to the job and from it. */
export interface Moved {
  sentBytes: number;
  receivedBytes: number;
}

/** Whoever is told what people open; each answer is to be called when that is over. */
export interface Audit {
  link(holder: Holder): () => void;
  stream(holder: Holder, destination: Destination): (moved: Moved) => void;
}
