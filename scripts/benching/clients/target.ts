/** A figure beside what was promised of it. */
export const judged = (measured: string, isMet: boolean, target: string): string =>
  `${measured} (target ${target}: ${isMet ? "ok" : "missed"})`;
