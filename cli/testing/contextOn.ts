import { systemClock } from "../../shared/clock.ts";
import type { Context, Output } from "../context.ts";
import { createInterrupts } from "../process/interrupts.ts";

/** A context that writes there, with nobody at the keyboard. */
export const contextOn = (out: Output, changes: Partial<Context> = {}): Context => ({
  env: {},
  cwd: "/nowhere",
  home: "/nowhere",
  input: {
    isTerminal: false,
    readLine: async () => undefined,
    readAll: async () => "",
    hideTyping: () => ({ [Symbol.dispose]: () => {} }),
  },
  out,
  err: out,
  interrupts: createInterrupts(() => {}),
  onTermination: () => ({ [Symbol.dispose]: () => {} }),
  self: ["dstack"],
  clock: systemClock,
  log: () => {},
  ...changes,
});
