const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];

/** A size for people, in the reference's form: `3.0MiB`. */
export const showBytes = (bytes: number): string => {
  let [value, unit] = [bytes, 0];
  for (; value >= 1024 && unit < UNITS.length - 1; unit++) value /= 1024;
  return `${unit === 0 ? value : value.toFixed(1)}${UNITS[unit]}`;
};
