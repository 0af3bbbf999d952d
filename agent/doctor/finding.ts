/** What was looked at, how it is, and (where it is not well) what mends it. */
export interface Finding {
  /** A word or two, the same on every host. */
  check: string;
  /** `bad`: jobs or the agent do not work as they should; `hint`: they do, but not as well as they could. */
  level: "good" | "hint" | "bad";
  text: string;
  mend?: string;
}

export const good = (check: string, text: string): Finding => ({ check, level: "good", text });
export const hint = (check: string, text: string, mend: string): Finding => ({
  check,
  level: "hint",
  text,
  mend,
});
export const bad = (check: string, text: string, mend: string): Finding => ({
  check,
  level: "bad",
  text,
  mend,
});
