/** Milliseconds from each press of a key to its echo, in a terminal that a command opens on a host. */
export const measureKeyPresses = async (
  command: readonly string[],
  { count, env }: { count: number; env: Record<string, string> },
): Promise<number[]> => {
  const child = Bun.spawn([...command], { env, stdin: "pipe", stdout: "pipe", stderr: "pipe" });
  const stderr = new Response(child.stderr).text();
  const reader = child.stdout.getReader();
  const times: number[] = [];
  const press = async (): Promise<void> => {
    const startedAt = performance.now();
    child.stdin.write("x");
    child.stdin.flush();
    if ((await reader.read()).done) throw new Error(`${command.join(" ")} ended:\n${await stderr}`);
    times.push(performance.now() - startedAt);
  };
  try {
    for (let at = 0; at < count; at += 1) await press();
  } finally {
    child.kill();
    await child.exited;
  }
  return times.slice(Math.floor(count / 10));
};
