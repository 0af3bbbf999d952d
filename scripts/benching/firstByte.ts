/** Milliseconds from the start of a command until `text` is in its output, and until it has ended. */
export const timeCommand = async (
  command: readonly string[],
  text: string,
  options: { cwd?: string; env?: Record<string, string | undefined> } = {},
): Promise<{ firstMs: number; endMs: number }> => {
  const startedAt = performance.now();
  const child = Bun.spawn([...command], { ...options, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const stderr = new Response(child.stderr).text();
  const decoder = new TextDecoder();
  let output = "";
  let firstMs: number | undefined;
  for await (const chunk of child.stdout) {
    output += decoder.decode(chunk, { stream: true });
    if (firstMs === undefined && output.includes(text)) firstMs = performance.now() - startedAt;
  }
  const code = await child.exited;
  const endMs = performance.now() - startedAt;
  if (code !== 0 || firstMs === undefined) {
    throw new Error(`${command.join(" ")} ended with ${code}:\n${output}${await stderr}`);
  }
  return { firstMs, endMs };
};

/** The same, one after the other; the first few are not counted: they find cold caches. */
export const timeRepeatedly = async <T>(count: number, measure: (at: number) => Promise<T>): Promise<T[]> => {
  const WARM_UP = 3;
  const results: T[] = [];
  for (let at = 0; at < count + WARM_UP; at += 1) {
    const result = await measure(at);
    if (at >= WARM_UP) results.push(result);
  }
  return results;
};
