import { ptr } from "bun:ffi";
import { libc } from "./libc.ts";

const NUMBERS = { SIGHUP: 1, SIGTERM: 15 } as const;
type Signal = keyof typeof NUMBERS;
const SIGNALS = Object.keys(NUMBERS) as Signal[];

/** `struct sigaction` begins with the handler, on Linux and macOS; the rest is of no interest. */
const SIGACTION_BYTES = 256;
const SIG_IGN = 1n;

/** Whoever started us said that we go on: `nohup`. */
const isIgnored = (signal: Signal): boolean => {
  const action = new BigUint64Array(SIGACTION_BYTES / 8);
  return libc()?.sigaction(NUMBERS[signal], null, ptr(action)) === 0 && action[0] === SIG_IGN;
};

/** What is to be put right before SIGTERM or SIGHUP end the process. */
export type OnTermination = (undo: () => void) => Disposable;

/** `exit` is called with the exit code of a process that the signal has ended. */
export const createTerminations = (exit: (code: number) => void): OnTermination => {
  const undos: (() => void)[] = [];
  const heard = new Map<Signal, () => void>();
  const terminate = (signal: Signal) => {
    try {
      for (const undo of undos.splice(0).reverse()) undo();
    } finally {
      exit(128 + NUMBERS[signal]);
    }
  };
  const listen = () => {
    for (const signal of SIGNALS) {
      if (heard.has(signal) || isIgnored(signal)) continue;
      const handler = () => terminate(signal);
      heard.set(signal, handler);
      process.on(signal, handler);
    }
  };
  return (undo) => {
    listen();
    undos.push(undo);
    return {
      [Symbol.dispose]: () => {
        const at = undos.indexOf(undo);
        if (at >= 0) undos.splice(at, 1);
        if (undos.length > 0) return;
        for (const [signal, handler] of heard) process.off(signal, handler);
        heard.clear();
      },
    };
  };
};
