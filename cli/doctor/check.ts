import type { Style } from "../output/style.ts";

/** What was looked at, and what to do where it is not as it should be. */
export interface Check {
  readonly name: string;
  readonly status: "ok" | "warn" | "fail";
  readonly message: string;
  readonly remedy: string | null;
}

export const STATUS_STYLES = { ok: "green", warn: "yellow", fail: "red" } as const satisfies Record<
  Check["status"],
  Style
>;

export const ok = (name: string, message: string): Check => ({ name, status: "ok", message, remedy: null });

export const warn = (name: string, message: string, remedy: string): Check => ({
  name,
  status: "warn",
  message,
  remedy,
});

export const fail = (name: string, message: string, remedy: string): Check => ({
  name,
  status: "fail",
  message,
  remedy,
});
