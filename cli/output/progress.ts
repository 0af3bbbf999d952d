import type { Context } from "../context.ts";
import { startLive } from "./live.ts";
import { widthOf } from "./wrap.ts";

/** How far something is whose size is known, drawn until it is disposed of. Nothing is printed without a terminal. */
export interface Progress extends Disposable {
  /** So many of so many bytes are done. May be called as often as there is news: it is drawn ten times a second. */
  report(doneBytes: number, totalBytes: number): void;
}

/** The speed is that of the last few seconds. */
const WINDOW_MS = 5_000;
/** Said no sooner: the first pieces are gone before they are there. */
const LEAST_MS = 500;
const WIDEST_BAR = 40;
const NARROWEST_BAR = 10;

interface Sample {
  readonly atMs: number;
  readonly bytes: number;
}

export const startProgress = (ctx: Context, label: string): Progress => {
  let done = 0;
  let total = 0;
  let samples: Sample[] = [];
  const text = (): string => {
    const nowMs = ctx.clock.steady();
    samples = [...samples.filter(({ atMs }) => atMs >= nowMs - WINDOW_MS), { atMs: nowMs, bytes: done }];
    if (total <= 0) return `${label}...`;
    return progressLine(label, { done, total, speed: speedOf(samples) }, ctx.out.columns ?? 80);
  };
  const live = startLive(ctx, text);
  return {
    report: (doneBytes, totalBytes) => {
      done = doneBytes;
      total = totalBytes;
    },
    [Symbol.dispose]: () => live[Symbol.dispose](),
  };
};

const speedOf = (samples: readonly Sample[]): number | undefined => {
  const [first, last] = [samples[0], samples.at(-1)];
  if (!first || !last || last.atMs - first.atMs < LEAST_MS) return undefined;
  const perSecond = ((last.bytes - first.bytes) * 1000) / (last.atMs - first.atMs);
  return perSecond > 0 ? perSecond : undefined;
};

interface State {
  readonly done: number;
  readonly total: number;
  /** Bytes a second, if it can be told. */
  readonly speed: number | undefined;
}

/** `Uploading code ━━━━━━━━━━────── 45% of 2.0GB at 120MB/s, 9s left`; the bar gives way first where it is narrow. */
export const progressLine = (label: string, { done, total, speed }: State, columns: number): string => {
  const part = Math.min(1, done / total);
  const left = speed === undefined ? "" : `, ${timeText((total - done) / speed)} left`;
  const pace = speed === undefined ? "" : ` at ${sizeText(speed)}/s${left}`;
  const numbers = `${Math.floor(part * 100)}% of ${sizeText(total)}`;
  // The spinner and the space behind it, two spaces around the bar, and the last column, which stays free.
  const free = columns - widthOf(`${label}${numbers}${pace}`) - 5;
  if (free >= NARROWEST_BAR) return `${label} ${barOf(part, Math.min(free, WIDEST_BAR))} ${numbers}${pace}`;
  return free + widthOf(pace) >= 0 ? `${label} ${numbers}` : numbers;
};

const barOf = (part: number, width: number): string => {
  const full = Math.round(part * width);
  return `${"━".repeat(full)}${"─".repeat(width - full)}`;
};

const UNITS = ["B", "KB", "MB", "GB", "TB"];

/** `2.0GB`, `120MB`: two digits or more. */
export const sizeText = (bytes: number): string => {
  let amount = bytes;
  let unit = 0;
  while (amount >= 1000 && unit < UNITS.length - 1) {
    amount /= 1024;
    unit++;
  }
  return `${amount.toFixed(unit === 0 || amount >= 10 ? 0 : 1)}${UNITS[unit]}`;
};

const timeText = (seconds: number): string => {
  const whole = Math.ceil(seconds);
  if (whole < 60) return `${whole}s`;
  if (whole < 3600) return `${Math.floor(whole / 60)}m ${whole % 60}s`;
  return `${Math.floor(whole / 3600)}h ${Math.floor((whole % 3600) / 60)}m`;
};
