import type { Window } from "./sparkline.ts";

const RULE = "┄";
const NOW = "now";

/** A job whose newest sample is older no longer reports: three intervals. */
const LIVE_MS = 30_000;

/** `12:05 ┄┄┄┄┄┄ now`, exactly `width` columns, or nothing where it would not fit. */
export const timeAxis = (window: Window, width: number, now: number): string => {
  const full = [dayAndTime(window.from), labelOf(window.to, now, dayAndTime)] as const;
  const short = [clock(window.from), labelOf(window.to, now, clock)] as const;
  for (const [left, right] of [full, short]) {
    const rule = width - left.length - right.length - 2;
    if (rule >= 1) return `${left} ${RULE.repeat(rule)} ${right}`;
  }
  return "";
};

const labelOf = (at: number, now: number, format: (at: number) => string): string =>
  now - at < LIVE_MS ? NOW : format(at);

const two = (number: number): string => String(number).padStart(2, "0");

const clock = (at: number): string => {
  const date = new Date(at);
  return `${two(date.getHours())}:${two(date.getMinutes())}`;
};

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

const dayAndTime = (at: number): string => {
  const date = new Date(at);
  return `${date.getDate()} ${MONTHS[date.getMonth()]} ${clock(at)}`;
};
