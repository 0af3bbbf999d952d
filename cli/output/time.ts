const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const WEEK = 7 * DAY;
const MONTH = 30 * DAY;
const YEAR = 365 * DAY;

/** "now", "30 sec ago", "3 mins ago" … (docs/spec/cli.md §7.1). The future is empty. */
export const ago = (thenMs: number, nowMs: number): string => {
  const seconds = Math.round((nowMs - thenMs) / 1000);
  if (seconds < 0) return "";
  if (seconds < 10) return "now";
  if (seconds < MINUTE) return `${seconds} sec ago`;
  if (seconds < HOUR) return plural(seconds / MINUTE, "min");
  if (seconds < DAY) return plural(seconds / HOUR, "hour");
  if (seconds < 2 * DAY) return "yesterday";
  if (seconds < WEEK) return plural(seconds / DAY, "day");
  if (seconds < MONTH) return plural(seconds / WEEK, "week");
  if (seconds < YEAR) return plural(seconds / MONTH, "month");
  return plural(seconds / YEAR, "year");
};

/** Rounded to the nearest, so that "60 mins ago" occurs. */
const plural = (amount: number, unit: string): string => {
  const whole = Math.round(amount);
  return `${whole} ${unit}${whole === 1 ? "" : "s"} ago`;
};

/** Local `HH:MM`, as tables of a command that waited have it. */
export const hourAndMinute = (ms: number): string => {
  const date = new Date(ms);
  return `${twoDigits(date.getHours())}:${twoDigits(date.getMinutes())}`;
};

/** Local `YYYY-MM-DD HH:MM:SS`. */
export const dateAndTime = (ms: number): string => {
  const date = new Date(ms);
  const day = [String(date.getFullYear()), twoDigits(date.getMonth() + 1), twoDigits(date.getDate())].join(
    "-",
  );
  return `${day} ${hourAndMinute(ms)}:${twoDigits(date.getSeconds())}`;
};

const twoDigits = (number: number): string => String(number).padStart(2, "0");

/** `1h 15m 45s`. */
export const longDuration = (seconds: number): string => {
  const parts: [number, string][] = [
    [Math.floor(seconds / DAY), "d"],
    [Math.floor((seconds % DAY) / HOUR), "h"],
    [Math.floor((seconds % HOUR) / MINUTE), "m"],
    [Math.floor(seconds % MINUTE), "s"],
  ];
  const shown = parts.filter(([amount]) => amount > 0).map(([amount, unit]) => `${amount}${unit}`);
  return shown.length > 0 ? shown.join(" ") : "0s";
};
