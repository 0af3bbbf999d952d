/** What a row of the table says of many measurements, in milliseconds. */
export interface Summary {
  count: number;
  p50: number;
  p95: number;
}

/** The nearest-rank percentile: always a value that was measured. */
export const percentile = (values: readonly number[], share: number): number => {
  const sorted = values.toSorted((a, b) => a - b);
  const value = sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
  if (value === undefined) throw new Error("Nothing was measured");
  return value;
};

export const summarise = (values: readonly number[]): Summary => ({
  count: values.length,
  p50: percentile(values, 0.5),
  p95: percentile(values, 0.95),
});

/** `4.2`, `37`, `1,204`: as many digits as mean something. */
export const formatMs = (ms: number): string =>
  ms < 10 ? ms.toFixed(1) : Math.round(ms).toLocaleString("en-US");
