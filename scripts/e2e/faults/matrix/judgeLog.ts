/** `whole`: to the byte. `cut`: a beginning of it. `wrong`: something is doubled, changed or missing inside. */
export type Judgement = "whole" | "cut" | "empty" | "wrong";

/** Compares what came with what a job printed. */
export const judgeLog = (log: string, printed: string): Judgement => {
  if (log === printed) return "whole";
  if (log === "") return "empty";
  return printed.startsWith(log) ? "cut" : "wrong";
};

/** Where a log that is wrong leaves what was printed, for people. */
export const firstDifference = (log: string, printed: string): string => {
  let at = 0;
  while (at < log.length && log[at] === printed[at]) at += 1;
  const around = (text: string) => JSON.stringify(text.slice(Math.max(0, at - 20), at + 60));
  return `at byte ${at} ${around(log)} and not ${around(printed)}`;
};
