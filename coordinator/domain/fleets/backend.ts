import type { MadeOffer } from "../../store/madeInstance.ts";

export interface MakeRequest {
  /** Of the instance: the same id again means the same instance. */
  id: string;
  name: string;
  offer: MadeOffer;
  /** Where its agent finds the coordinator, and with what it enrolls as this very instance. */
  url: string;
  token: string;
}

/**
 * What can make instances and end them. Every call may come again after a crash, for what was begun is only known once
 * its answer is stored.
 */
export interface Backend {
  /** `driver` of its offers. */
  name: string;
  /** The offers that can be had at the moment, whatever is asked for. */
  listOffers(): Promise<MadeOffer[]>;
  /** Begins to make it; answers what is needed to find it again. Refuses (throws) only what has left nothing behind. */
  make(request: MakeRequest): Promise<string>;
  /** Is it still there, or coming? */
  isThere(id: string, data: string | null): Promise<boolean>;
  /** Ends it, with all that it cost; resolves when nothing is left. Nothing is there: that is well, too. */
  end(id: string, data: string | null): Promise<void>;
}
