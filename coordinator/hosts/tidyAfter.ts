import type { Clock } from "../../shared/clock.ts";

/** Fewer leave too little to keep everybody waiting for a moment. */
const MANY = 10;
const QUIET_MS = 15_000;

interface Tidying {
  clock: Pick<Clock, "after">;
  /** Gives back what many calls have left behind. */
  tidy: () => void;
}

/** The same function; once many calls are over, and for a while there was none, it is tidied up after them. */
export const tidyAfter = <Args extends unknown[], Result>(
  call: (...args: Args) => Promise<Result>,
  { clock, tidy }: Tidying,
): ((...args: Args) => Promise<Result>) => {
  let [over, underWay] = [0, 0];
  let cancel = () => {};
  return async (...args) => {
    cancel();
    underWay += 1;
    try {
      return await call(...args);
    } finally {
      underWay -= 1;
      over += 1;
      if (underWay === 0 && over >= MANY)
        cancel = clock.after(QUIET_MS, () => {
          over = 0;
          tidy();
        });
    }
  };
};
