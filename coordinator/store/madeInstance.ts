import type { InstanceType } from "../../shared/resources/offered.ts";

/** What is known of an instance that a backend made, or is about to make. */
export interface MadeInstance {
  /** Null: no offer was chosen yet. */
  offer: MadeOffer | null;
  /** It is for a job that waits for it: what it may be, the cheapest first. Absent: what the fleet asks for. */
  for_job?: MadeOffer[];
  /** What the backend wants to be told when it is asked for the instance again. */
  data: string | null;
}

/** What it was made as. */
export interface MadeOffer {
  /** Which backend of this server made it. */
  driver: string;
  /** On the wire (docs/spec/http-api.md §3.12). */
  backend: string;
  region: string;
  availability_zone: string | null;
  /** US dollars an hour. */
  price: number;
  instance_type: InstanceType;
  /** Absent: it runs containers. */
  runtime?: "process";
}
