import type { Output } from "../context.ts";

interface Shape {
  /** Undefined: a pipe. */
  readonly columns?: number;
  readonly rows?: number;
  readonly isTerminal?: boolean;
}

/** Keeps what is written, as text. */
export const memoryOutput = ({ columns, rows, isTerminal = false }: Shape = {}) => {
  const decoder = new TextDecoder();
  let written = "";
  const output: Output = {
    isTerminal,
    hasColour: false,
    columns,
    rows,
    write: (data) => {
      written += typeof data === "string" ? data : decoder.decode(data, { stream: true });
    },
  };
  return { output, text: () => written };
};
