/**
 * One choice for each, no two the same, by augmenting paths; undefined where there is no such assignment. Earlier
 * choices of a list are preferred.
 */
export const matchDistinct = <T>(choices: readonly (readonly T[])[]): T[] | undefined => {
  const takenBy = new Map<T, number>();
  const seek = (seeker: number, tried: Set<T>): boolean => {
    const own = choices[seeker] ?? [];
    const free = own.find((choice) => !takenBy.has(choice) && !tried.has(choice));
    if (free !== undefined) {
      takenBy.set(free, seeker);
      return true;
    }
    for (const choice of own) {
      const holder = takenBy.get(choice);
      if (holder === undefined || tried.has(choice)) continue;
      tried.add(choice);
      if (!seek(holder, tried)) continue;
      takenBy.set(choice, seeker);
      return true;
    }
    return false;
  };
  for (const seeker of choices.keys()) if (!seek(seeker, new Set())) return undefined;
  const chosen: T[] = [];
  for (const [choice, seeker] of takenBy) chosen[seeker] = choice;
  return chosen;
};
