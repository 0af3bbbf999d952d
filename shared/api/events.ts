/** What an event may tell of (docs/spec/http-api.md §3.9). */
export type EventTargetType =
  | "project"
  | "user"
  | "fleet"
  | "instance"
  | "run"
  | "job"
  | "volume"
  | "gateway"
  | "secret";
