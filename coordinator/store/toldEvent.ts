import type { EventTargetType } from "../../shared/api/events.ts";

export interface ToldTarget {
  type: EventTargetType;
  id: string;
  /** As it was then: what is told may outlive what it tells of. Left out: its row has the name. */
  name?: string;
  /** The run of a job, the fleet of an instance. */
  within?: string;
}

/** One event as it is stored, in a list with others of its transaction. */
export interface ToldEvent {
  id: string;
  message: string;
  /** Left out: the system. */
  actor?: string;
  targets: ToldTarget[];
}
