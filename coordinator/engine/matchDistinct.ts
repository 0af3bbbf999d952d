/**
 * One choice for each, no two the same, by augmenting paths; undefined where there is no such assignment. Earlier
 * choices of a list are preferred, and as many as can be are of those that are `preferred`.
 */
export const matchDistinct = <T>(
  choices: readonly (readonly T[])[],
  isPreferred: (choice: T) => boolean = () => true,
): T[] | undefined => {
  const takenBy = new Map<T, number>();
  const seek = (seeker: number, mayTake: (choice: T) => boolean, tried = new Set<T>()): boolean => {
    const own = (choices[seeker] ?? []).filter((choice) => mayTake(choice) && !tried.has(choice));
    const free = own.find((choice) => !takenBy.has(choice));
    if (free !== undefined) {
      takenBy.set(free, seeker);
      return true;
    }
    for (const choice of own) {
      const holder = takenBy.get(choice);
      if (holder === undefined || tried.has(choice)) continue;
      tried.add(choice);
      if (!seek(holder, mayTake, tried)) continue;
      takenBy.set(choice, seeker);
      return true;
    }
    return false;
  };
  // What is taken stays taken when others find a place, so those that are preferred come first.
  const left = [...choices.keys()].filter((seeker) => !seek(seeker, isPreferred));
  if (!left.every((seeker) => seek(seeker, () => true))) return undefined;
  const chosen: T[] = [];
  for (const [choice, seeker] of takenBy) chosen[seeker] = choice;
  return chosen;
};
