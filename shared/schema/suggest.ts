/** How many characters have to be changed, added, removed or swapped with their neighbour. */
const distance = (a: string, b: string): number => {
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      const candidates = [(last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + cost];
      const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (isSwap) candidates.push((before[j - 2] ?? 0) + 1);
      row.push(Math.min(...candidates));
    }
    [before, last] = [last, row];
  }
  return last[b.length] ?? 0;
};

const MAX_LENGTH = 60;

/** The known word that a misspelt one is likely to mean. */
export const suggest = (word: string, known: readonly string[]): string | undefined => {
  const written = word.toLowerCase().replaceAll("-", "_");
  if (written.length > MAX_LENGTH) return undefined;
  const allowed = written.length < 4 ? 1 : Math.min(3, Math.floor(written.length / 3));
  let best: { candidate: string; changes: number } | undefined;
  for (const candidate of known) {
    const changes = distance(written, candidate.toLowerCase().replaceAll("-", "_"));
    if (changes <= allowed && (!best || changes < best.changes)) best = { candidate, changes };
  }
  return best?.candidate;
};
