import { dirname, join } from "node:path";

/** By name: the configuration as the stock client would send it, or why it would not. */
export type StockAnswers = Record<string, { sent?: unknown; refused?: string }>;

/** Asks the models of the stock client whose command line is at `path`. */
export const askStockModels = async (
  path: string,
  cases: readonly { name: string; text: string }[],
): Promise<StockAnswers> => {
  const script = join(import.meta.dir, "stock_wire.py");
  const child = Bun.spawn([join(dirname(path), "python"), script], {
    stdin: new Blob([JSON.stringify(cases)]),
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  if (code !== 0) throw new Error(`The stock models ended with ${code}:\n${stderr}`);
  return JSON.parse(stdout) as StockAnswers;
};
